"""Overlays: files of our own that are laid into a fork's tree under the same paths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.forks.paths import fault_of_path

# What tools leave behind must not become part of a fork's identity.
_LITTER_FOLDERS = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
_LITTER_ENDINGS = (".pyc", ".swp", "~", ".DS_Store")


@dataclass(frozen=True)
class Overlay:
    series: str
    path: str  # posix, relative to the root of the fork
    content: bytes = field(repr=False)
    executable: bool
    digest: str  # "sha256:…" of the content


def load_overlays(root: Path, series: Sequence[str]) -> tuple[Overlay, ...]:
    """The files of each `root`/NAME, sorted by path. `root` is the workspace's overlays/ folder."""
    overlays: dict[str, Overlay] = {}
    for name in series:
        folder = root / name
        if not folder.is_dir():
            raise UsageError(f"there is no overlay `{name}`", where=str(folder))
        for file in _files(folder):
            overlay = _overlay(folder, file, name)
            other = overlays.setdefault(overlay.path, overlay)
            if other is not overlay:
                raise UsageError(
                    f"`{overlay.path}` is in the overlays `{other.series}` and `{name}`",
                    where=str(file),
                )
    return tuple(overlays[path] for path in sorted(overlays))


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            raise UsageError(
                "an overlay may not hold symbolic links",
                where=str(entry),
                hint="put the file itself here",
            )
        if entry.is_dir():
            if entry.name not in _LITTER_FOLDERS:
                yield from _files(entry)
        elif not entry.name.endswith(_LITTER_ENDINGS):
            if not entry.is_file():
                raise UsageError("an overlay may hold plain files only", where=str(entry))
            yield entry


def _overlay(folder: Path, file: Path, series: str) -> Overlay:
    path = file.relative_to(folder).as_posix()
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UsageError("the file name is not UTF-8", where=repr(str(file))) from None
    reason = fault_of_path(path)
    if reason is not None:
        raise UsageError(f"the path of an overlay {reason}", where=str(file))
    content = file.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Overlay(series, path, content, _owner_runs(file), digest)


def _owner_runs(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o100)
