"""Patch files on disk become patches: by their ending, in the order of their numbers."""

from __future__ import annotations

from pathlib import Path

from forkctl.patching.model import Patch
from forkctl.patching.reading.names import patch_files, require_patch_name


def load_patch(path: Path, series: str) -> Patch:
    """Read and check one patch file."""
    require_patch_name(path)
    data = path.read_bytes()
    # imported late: a plain patch needs the mail parser, a structural one YAML and the engine
    if path.suffix == ".yaml":
        from forkctl.patching.reading.structural import load_structural

        return load_structural(path, series, data)
    from forkctl.patching.reading.plain import load_plain

    return load_plain(path, series, data)


def load_series(root: Path, series: str) -> tuple[Patch, ...]:
    """The patches of `root`/`series`, sorted by name. `root` is the workspace's patches/ folder."""
    return tuple(load_patch(path, series) for path in patch_files(root, series))


def all_series(root: Path) -> tuple[str, ...]:
    """The series that a patches/ folder holds."""
    folders = root.iterdir() if root.is_dir() else ()
    return tuple(sorted(f.name for f in folders if f.is_dir() and not f.name.startswith(".")))
