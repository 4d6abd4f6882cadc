"""What decides the commits of a fork, and one digest over it: the fork's identity.

Read on every command, so nothing here parses a patch: names and bytes are enough.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.forks.lockfile import Inputs
from forkctl.forks.manifest import Fork
from forkctl.forks.paths import require_inside
from forkctl.forks.workspace import Workspace
from forkctl.patching import ENGINE_VERSION
from forkctl.patching.reading.names import patch_files
from forkctl.patching.series.overlays import load_overlays


def inputs_of(workspace: Workspace, fork: Fork, pin: str, without: Sequence[str] = ()) -> Inputs:
    for folder in (*_folders(workspace.patches, fork.series), workspace.patches):
        require_inside(workspace.root, folder)
    patches = {
        f"{series}/{path.name}": _digest_of_file(path)
        for series in fork.series
        for path in patch_files(workspace.patches, series)
    }
    for folder in (*_folders(workspace.overlays, fork.overlays), workspace.overlays):
        require_inside(workspace.root, folder)
    overlays = {
        f"{o.series}/{o.path}": o.digest + (" executable" if o.executable else "")
        for o in load_overlays(workspace.overlays, fork.overlays)
    }
    for name in without:
        patches.pop(_named(patches, name, fork))
    return Inputs(upstream=pin, engine=ENGINE_VERSION, patches=patches, overlays=overlays)


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


def _named(patches: dict[str, str], name: str, fork: Fork) -> str:
    """The one patch that a person means by a file name, its stem, or the part after the number."""
    found = [
        full
        for full in patches
        if name in (full, full.split("/")[1], Path(full).stem, Path(full).stem.partition("-")[2])
    ]
    if len(found) != 1:
        raise UsageError(
            f"{name!r} names {'no patch' if not found else 'several patches'} of {fork.name}",
            hint="the patches are " + ", ".join(found or patches),
        )
    return found[0]


def _folders(root: Path, names: Sequence[str]) -> list[Path]:
    return [root / name for name in names]


def _digest_of_file(path: Path) -> str:
    if path.is_symlink():
        raise UsageError("a patch may not be a symbolic link", where=str(path))
    return _digest(path.read_bytes())


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
