"""How a file was made, written into it, so that an interrupted command can be run again.

A file that the same command would make again is kept. Any other file in its place is never
overwritten: the command stops.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

import h5py

from forkctl.errors import ForkctlError

ATTRIBUTE = "forkctl"  # of the root group: `data` keeps to LIBERO's attributes


def recipe(command: str, options: Any, source: Optional[Path] = None, **more: Any) -> str:
    """`options` is a dataclass. A source that has changed makes another recipe."""
    said: Dict[str, Any] = {"command": command, "options": asdict(options), **more}
    if source is not None:
        stat = source.stat()
        said["source"] = [source.name, stat.st_size, stat.st_mtime_ns]
    return json.dumps(said, sort_keys=True, default=lambda value: value.value)


def pending(recipes: Mapping[Path, str]) -> Dict[Path, str]:
    """Of target -> recipe, those that are still to be made."""
    return {target: how for target, how in recipes.items() if not _is_made(target, how)}


def is_resampled(file: h5py.File) -> bool:
    """Made by `data convert --hz`."""
    try:
        options = json.loads(file.attrs.get(ATTRIBUTE, "{}")).get("options", {})
        return options.get("hz") is not None
    except (ValueError, TypeError, AttributeError):
        return False


def refuse_existing(target: Path) -> None:
    if target.exists():
        raise _in_the_way(target)


def _in_the_way(target: Path) -> ForkctlError:
    hint = "give another --out, or remove the file yourself"
    return ForkctlError("another file is already there", where=str(target), hint=hint)


def _is_made(target: Path, how: str) -> bool:
    if not target.exists():
        return False
    try:
        with h5py.File(target, "r") as file:
            made = file.attrs.get(ATTRIBUTE)
    except (OSError, RuntimeError, ValueError):
        made = None
    if made != how:
        raise _in_the_way(target)
    return True
