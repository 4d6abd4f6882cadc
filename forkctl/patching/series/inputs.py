"""What decides the commits of a fork: its pin, patches and overlays, and one digest over them all.

Every command reads this, so patches are not parsed here: names and bytes are enough.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from forkctl.errors import UsageError
from forkctl.forks.lockfile import Inputs
from forkctl.forks.manifest import Fork
from forkctl.forks.paths import fault_of_path, require_inside
from forkctl.forks.workspace import Workspace
from forkctl.patching import ENGINE_VERSION
from forkctl.patching.reading.loading import patch_files
from forkctl.reading import LARGE, read_bytes

# What tools leave behind must not become part of a fork.
_LITTER_FOLDERS = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
_LITTER_ENDINGS = (".pyc", ".swp", "~", ".DS_Store")


class PatchFile(NamedTuple):
    series: str
    path: Path
    data: bytes

    @property
    def title(self) -> str:
        return f"{self.series}/{self.path.name}"


class Overlay(NamedTuple):
    """A file of ours that is laid into a fork's tree under the same path."""

    series: str
    path: str  # posix, relative to the root of the fork
    content: bytes
    executable: bool
    digest: str  # "sha256:…" of the content


class InputFiles(NamedTuple):
    """The files of a fork, read once: what is applied is what the digests are of."""

    digests: Inputs
    patches: tuple[PatchFile, ...]
    overlays: tuple[Overlay, ...]


def read_inputs(
    workspace: Workspace,
    fork: Fork,
    pin: str,
    without: Sequence[str] = (),
    new: Sequence[PatchFile] = (),
) -> InputFiles:
    """`without`: names of patches to leave out. `new`: those that a save is about to add."""
    for root, names in ((workspace.patches, fork.series), (workspace.overlays, fork.overlays)):
        for folder in (*(root / name for name in names), root):
            require_inside(workspace.root, folder)
    patches = {
        patch.title: patch
        for series in fork.series
        for patch in (
            *_patches(workspace.patches, series),
            *(patch for patch in new if patch.series == series),
        )
    }
    for name in without:
        patches.pop(_title_of(patches, name, fork))
    overlays = load_overlays(workspace.overlays, fork.overlays)
    digests = Inputs(
        upstream=pin,
        engine=ENGINE_VERSION,
        patches={title: _digest(patch.data) for title, patch in patches.items()},
        overlays={
            f"{o.series}/{o.path}": o.digest + (" executable" if o.executable else "")
            for o in overlays
        },
    )
    return InputFiles(digests, tuple(patches.values()), overlays)


def inputs_of(workspace: Workspace, fork: Fork, pin: str, without: Sequence[str] = ()) -> Inputs:
    return read_inputs(workspace, fork, pin, without).digests


def identity_of(fork: Fork, inputs: Inputs) -> str:
    """The fork's own name counts: a patch may say which forks it is for."""
    parts = [
        fork.name,
        inputs.upstream,
        inputs.engine,
        list(fork.series),
        list(fork.overlays),
        sorted(inputs.patches.items()),
        sorted(inputs.overlays.items()),
    ]
    return _digest(json.dumps(parts, ensure_ascii=True).encode())


def _patches(root: Path, series: str) -> Iterator[PatchFile]:
    for path in patch_files(root, series):
        if path.is_symlink():
            raise UsageError("a patch must not be a symbolic link", where=str(path))
        yield PatchFile(series, path, read_bytes(path))


def _title_of(titles: Collection[str], name: str, fork: Fork) -> str:
    from forkctl.forks.applied_patches import is_named

    found = [title for title in titles if is_named(title, name)]
    if len(found) != 1:
        raise UsageError(
            f"{name!r} matches {'no patch' if not found else 'several patches'} of {fork.name}",
            hint="the patches are " + ", ".join(found or titles),
        )
    return found[0]


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
                    f"`{overlay.path}` is in both overlays `{other.series}` and `{name}`",
                    where=str(file),
                )
    return tuple(overlays[path] for path in sorted(overlays))


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            raise UsageError(
                "an overlay must not contain symbolic links",
                where=str(entry),
                hint="put the file itself here",
            )
        if entry.is_dir():
            if entry.name not in _LITTER_FOLDERS:
                yield from _files(entry)
        elif not entry.name.endswith(_LITTER_ENDINGS):
            if not entry.is_file():
                raise UsageError("an overlay may contain only regular files", where=str(entry))
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
    content = read_bytes(file, LARGE)
    executable = bool(file.stat().st_mode & 0o100)
    return Overlay(series, path, content, executable, _digest(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
