"""Runs inside a fork's environment and says what is there. Standard library only, Python 3.8+.

stdin: {"packages": [...], "modules": [...]}; stdout, last line: JSON with
- python: its version
- origins: where each package would be imported from (null: nowhere); the package is not run
- versions: every installed distribution
- failures: what happened when each of `modules` was imported, where it did not work
- gpus: how many torch sees, where "gpus" was asked for and torch is there, else null
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import sys
from importlib import metadata


def origin(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    if spec.origin not in (None, "namespace"):
        return os.path.realpath(spec.origin)
    places = list(spec.submodule_search_locations or [])
    return os.path.realpath(places[0]) if places else None


def failure(name: str) -> str | None:
    try:
        importlib.import_module(name)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return None


def versions() -> dict[str, str]:
    """The first of a name on the path counts, as it does for an import."""
    found: dict[str, str] = {}
    for each in metadata.distributions():
        if each.metadata["Name"]:
            found.setdefault(each.metadata["Name"], each.version)
    return found


def gpus() -> int | None:
    try:
        import torch
    except ImportError:
        return None
    return int(torch.cuda.device_count())


def main() -> None:
    question = json.load(sys.stdin)
    answer: dict[str, object] = {
        "python": platform.python_version(),
        "origins": {name: origin(name) for name in question["packages"]},
        # before the imports: setuptools puts packages of its own on the path
        "versions": versions(),
    }
    failures = {name: failure(name) for name in question["modules"]}
    answer["failures"] = {name: why for name, why in failures.items() if why is not None}
    answer["gpus"] = gpus() if question.get("gpus") else None
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
