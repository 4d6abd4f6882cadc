"""A fork's applied tree and the Python that runs it, for the tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
FORKS = ("robomimic", "droid", "robomimic-release")


@dataclass(frozen=True)
class Lab:
    """A fork's tree and the Python that runs it."""

    fork: str
    tree: Path
    python: Path
    pristine: bool

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), *words],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.tree), str(ROOT), str(HERE)]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HF_HUB_OFFLINE": "1",
                "OMP_WAIT_POLICY": "PASSIVE",
                **environment,
            },
            cwd=self.tree,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def train(self, config: Mapping[str, Any], **environment: str) -> Any:
        """Upstream's own entrypoint on this config."""
        path = Path(config["train"]["output_dir"]) / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(config))
        return self.run("robomimic/scripts/train.py", "--config", str(path), **environment)

    def probe(self, module: str, **words: Any) -> dict[str, Any]:
        """What `<module>.py` beside this file answers, run inside the fork."""
        words = {"fork": self.fork, "pristine": self.pristine, **words}
        done = self.run(str(HERE / f"{module}.py"), json.dumps(words, default=str))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
