"""What else decides how a run goes: forkctl's own code, and files that the config names."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import forkctl
from forkctl.forks.hashes import file_hash
from forkctl.inside.versions import forkctl_code
from forkctl.places import expanded

_WEIGHTS = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")


def named_weights(values: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Of the values of a config, those that name a file of weights: an encoder beside the
    checkpoint, say. Their hashes by key."""
    found = {}
    for key, value in values.items():
        if isinstance(value, str) and value.endswith(_WEIGHTS):
            path = folder / expanded(Path(value))
            if path.is_file():
                found[key] = file_hash(path)
    return found


def own_code() -> dict[str, str | None]:
    """Of forkctl, which overlays and workers import: its version and code, and the commit, where
    it runs from a checkout."""
    package = Path(forkctl.__file__).resolve().parent
    words = ["git", "-C", str(package), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        top, commit = done.stdout.split("\n")[:2]
    except (OSError, subprocess.CalledProcessError, ValueError):
        top, commit = "", ""
    ours = bool(top) and Path(top).resolve() == package.parent
    return {"version": forkctl_code(), "commit": commit if ours else None}
