"""Patch files: which files of a series they are, and reading them, in the order of their numbers.

A no-op command needs only the files' names and bytes, so what parses them is imported late.
"""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from forkctl.errors import UsageError
from forkctl.forks.workspace import Workspace
from forkctl.reading import read_bytes

if TYPE_CHECKING:
    from forkctl.patching.model import Patch

_NAME = re.compile(r"\d{4}-[A-Za-z0-9][A-Za-z0-9._-]*\.(yaml|patch)")
_IGNORED = re.compile(r"\..*|.*~|README.*|.*\.md")


def require_patch_name(path: Path) -> None:
    if not _NAME.fullmatch(path.name):
        raise UsageError(
            f"`{path.name}` is not a name for a patch",
            where=str(path),
            hint="name it NNNN-short-name.yaml or NNNN-short-name.patch, with a number of 4 digits",
        )


def patch_files(root: Path, series: str) -> list[Path]:
    """The patch files of `root`/`series`, in order. `root` is the workspace's patches/ folder."""
    folder = root / series
    if not folder.is_dir():
        raise UsageError(f"there is no series `{series}`", where=str(folder))
    paths = _whole(root, folder)
    numbers: dict[str, str] = {}
    for path in paths:
        require_patch_name(path)
        other = numbers.setdefault(path.name[:4], path.name)
        if other != path.name:
            raise UsageError(f"`{other}` and `{path.name}` have the same number", where=str(folder))
    return paths


def _whole(root: Path, folder: Path) -> list[Path]:
    """The files, without those of a save that is not finished. One may go on beside us, and so the
    folder is listed until it stays the same."""
    before, listed = None, _listed(folder)
    while listed != before:
        hidden = _unfinished(root)
        before, listed = listed, _listed(folder)
    return [path for path in listed if f"{folder.name}/{path.name}" not in hidden]


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not _IGNORED.fullmatch(path.name))


def _unfinished(root: Path) -> Container[str]:
    try:
        journal = Workspace(root.parent).save_journal.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    import json

    files: dict[str, str] = json.loads(journal)["files"]
    return files


def load_patch(path: Path, series: str) -> Patch:
    """Read and check one patch file."""
    require_patch_name(path)
    return parse_patch(path, series, read_bytes(path))


def parse_patch(path: Path, series: str, data: bytes) -> Patch:
    if path.suffix == ".yaml":
        from forkctl.patching.reading.structural import load_structural

        return load_structural(path, series, data)
    from forkctl.patching.reading.plain import load_plain

    return load_plain(path, series, data)


def load_series(root: Path, series: str) -> tuple[Patch, ...]:
    """The patches of `root`/`series`, sorted by name. `root` is the workspace's patches/ folder."""
    return tuple(load_patch(path, series) for path in patch_files(root, series))


def all_series(root: Path) -> tuple[str, ...]:
    """The names of all series in a patches/ folder."""
    folders = root.iterdir() if root.is_dir() else ()
    return tuple(sorted(f.name for f in folders if f.is_dir() and not f.name.startswith(".")))
