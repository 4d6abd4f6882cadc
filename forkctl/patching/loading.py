"""Patch files on disk become patches: by their ending, in the order of their numbers."""

from __future__ import annotations

import re
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.patching.model import Patch

_NAME = re.compile(r"\d{4}-[A-Za-z0-9][A-Za-z0-9._-]*\.(yaml|patch)")
_IGNORED = re.compile(r"\..*|.*~|README.*|.*\.md")


def load_patch(path: Path, series: str) -> Patch:
    """Read and check one patch file."""
    if not _NAME.fullmatch(path.name):
        raise UsageError(
            f"`{path.name}` is not the name of a patch",
            where=str(path),
            hint="write NNNN-short-name.yaml or NNNN-short-name.patch, with a number of 4 digits",
        )
    data = path.read_bytes()
    # imported late: a plain patch needs the mail parser, a structural one YAML and the engine
    if path.suffix == ".yaml":
        from forkctl.patching.structural import load_structural

        return load_structural(path, series, data)
    from forkctl.patching.plain import load_plain

    return load_plain(path, series, data)


def load_series(root: Path, series: str) -> tuple[Patch, ...]:
    """The patches of `root`/`series`, sorted by name. `root` is the workspace's patches/ folder."""
    folder = root / series
    if not folder.is_dir():
        raise UsageError(f"there is no series `{series}`", where=str(folder))
    patches = [
        load_patch(path, series)
        for path in sorted(folder.iterdir())
        if not _IGNORED.fullmatch(path.name)
    ]
    numbers: dict[str, str] = {}
    for patch in patches:
        other = numbers.setdefault(patch.name[:4], patch.name)
        if other != patch.name:
            raise UsageError(
                f"`{other}` and `{patch.name}` have the same number", where=str(folder)
            )
    return tuple(patches)


def all_series(root: Path) -> tuple[str, ...]:
    """The series that a patches/ folder holds."""
    folders = root.iterdir() if root.is_dir() else ()
    return tuple(sorted(f.name for f in folders if f.is_dir() and not f.name.startswith(".")))
