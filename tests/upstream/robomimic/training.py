"""Upstream's own entrypoint on a config."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.driver import Fork


def train(
    fork: Fork, config: Mapping[str, Any], **environment: str
) -> subprocess.CompletedProcess[str]:
    path = Path(config["train"]["output_dir"]) / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
    return fork.run("robomimic/scripts/train.py", "--config", str(path), **environment)
