"""Which files of a series are its patches. Light: a no-op command reads names and bytes only."""

from __future__ import annotations

import re
from pathlib import Path

from forkctl.errors import UsageError

_NAME = re.compile(r"\d{4}-[A-Za-z0-9][A-Za-z0-9._-]*\.(yaml|patch)")
_IGNORED = re.compile(r"\..*|.*~|README.*|.*\.md")


def require_patch_name(path: Path) -> None:
    if not _NAME.fullmatch(path.name):
        raise UsageError(
            f"`{path.name}` is not the name of a patch",
            where=str(path),
            hint="write NNNN-short-name.yaml or NNNN-short-name.patch, with a number of 4 digits",
        )


def patch_files(root: Path, series: str) -> list[Path]:
    """The patch files of `root`/`series`, in order. `root` is the workspace's patches/ folder."""
    folder = root / series
    if not folder.is_dir():
        raise UsageError(f"there is no series `{series}`", where=str(folder))
    paths = sorted(path for path in folder.iterdir() if not _IGNORED.fullmatch(path.name))
    numbers: dict[str, str] = {}
    for path in paths:
        require_patch_name(path)
        other = numbers.setdefault(path.name[:4], path.name)
        if other != path.name:
            raise UsageError(f"`{other}` and `{path.name}` have the same number", where=str(folder))
    return paths
