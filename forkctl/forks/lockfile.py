"""forks.lock: what was made of which inputs, so that another machine can prove it got the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from forkctl.atomic import write_atomically
from forkctl.errors import UsageError
from forkctl.forks.toml import parse_toml
from forkctl.reading import read_text

VERSION = 1
_CONFLICT = re.compile(r"^(<{7}|\|{7}|={7}|>{7})", re.MULTILINE)
_RESTORE = "restore it from version control, or delete it and run `forkctl apply`"
_HEADER = """\
# What forkctl made of forks.toml, patches/ and overlays/. Written by `forkctl apply`; commit it.
# `forkctl check` proves it.
version = 1
"""


class Inputs(NamedTuple):
    """Everything that decides the commits of a fork."""

    upstream: str  # the pin
    engine: str
    patches: Mapping[str, str]  # "series/0001-name.yaml" -> digest
    overlays: Mapping[str, str]  # "series/path" -> digest


class LockedFork(NamedTuple):
    inputs: Inputs
    commit: str
    tree: str


def lock_text(path: Path) -> str:
    """Empty if there is no lock yet."""
    try:
        return read_text(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=path.name, hint=_RESTORE
        ) from None


def read_lock(path: Path) -> dict[str, LockedFork]:
    return parse_lock(lock_text(path), path.name)


def parse_lock(text: str, where: str) -> dict[str, LockedFork]:
    if not text.strip():
        return {}
    raw = parse_toml(text, where, _RESTORE)
    if raw.get("version") != VERSION:
        raise UsageError(f"this forkctl reads only version {VERSION}", where=where, hint=_RESTORE)
    try:
        return {name: _locked(entry) for name, entry in raw.get("fork", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"is damaged: {error!r}", where=where, hint=_RESTORE) from error


def _locked(entry: Mapping[str, Any]) -> LockedFork:
    inputs = Inputs(
        upstream=str(entry["upstream"]),
        engine=str(entry["engine"]),
        patches=dict(entry["patches"]),
        overlays=dict(entry["overlays"]),
    )
    return LockedFork(inputs, commit=str(entry["commit"]), tree=str(entry["tree"]))


def lock_says(text: str, name: str, locked: LockedFork) -> bool:
    """Whether the text of a lock says exactly this about a fork. It is not parsed, which takes as
    long as all else of a command with nothing to do, but one with merge conflicts says nothing."""
    return f"\n{_section(name, locked)}" in text and not _CONFLICT.search(text)


def write_lock(path: Path, forks: Mapping[str, LockedFork]) -> None:
    """Sorted and with one digest per line, so that a diff shows what changed."""
    sections = [_HEADER, *(_section(name, forks[name]) for name in sorted(forks))]
    write_atomically(path, "\n".join(sections))


def _section(name: str, locked: LockedFork) -> str:
    table = f"fork.{_key(name)}"
    lines = [
        f"[{table}]",
        f'upstream = "{locked.inputs.upstream}"',
        f"engine = {json.dumps(locked.inputs.engine)}",
        f'commit = "{locked.commit}"',
        f'tree = "{locked.tree}"',
    ]
    for title, digests in (
        ("patches", locked.inputs.patches),
        ("overlays", locked.inputs.overlays),
    ):
        lines += ["", f"[{table}.{title}]"]
        lines += [f'{_key(item)} = "{digest}"' for item, digest in sorted(digests.items())]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "_").isidentifier()
    return key if bare else json.dumps(key, ensure_ascii=False)
