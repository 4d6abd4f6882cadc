"""What decides the commits of a fork, and one digest over it: the fork's identity.

Read on every command, so nothing here parses a patch: names and bytes are enough.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.forks.lockfile import Inputs
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching import ENGINE_VERSION

_PATCH_NAME = re.compile(r"\d{4}-.+\.(yaml|patch)\Z")


def inputs_of(workspace: Workspace, fork: Fork, pin: str, without: Sequence[str] = ()) -> Inputs:
    patches = {
        name: _digest(path.read_bytes())
        for series in fork.series
        for name, path in _patches(workspace.patches, series)
    }
    overlays = {
        f"{series}/{path}": digest
        for series in fork.overlays
        for path, digest in _overlays(workspace.overlays / series)
    }
    chosen = set(patches) - {_named(patches, name, fork) for name in without}
    kept = {name: digest for name, digest in patches.items() if name in chosen}
    return Inputs(upstream=pin, engine=ENGINE_VERSION, patches=kept, overlays=overlays)


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


def _patches(root: Path, series: str) -> Iterator[tuple[str, Path]]:
    folder = root / series
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if _PATCH_NAME.match(path.name):
            yield f"{series}/{path.name}", path


def _overlays(folder: Path) -> Iterator[tuple[str, str]]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f != "__pycache__")
        for name in sorted(names):
            path = Path(here) / name
            if not name.endswith((".pyc", ".pyo")):
                mode = b"x" if os.access(path, os.X_OK) else b"-"
                content = path.read_bytes()
                yield path.relative_to(folder).as_posix(), _digest(mode + content)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
