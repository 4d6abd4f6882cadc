"""forks.lock: what was resolved, so that the next machine can prove that it got the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forkctl.errors import UsageError
from forkctl.forks.files import write_atomically
from forkctl.forks.toml import parse_toml

VERSION = 1
_HEADER = """\
# What forkctl made of forks.toml, patches/ and overlays/. Written by `forkctl apply`; commit it.
# `forkctl check` proves it.
version = 1
"""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True)
class Inputs:
    """Everything that decides the commits of a fork."""

    upstream: str  # the pin
    engine: str
    patches: Mapping[str, str]  # "series/0001-name.yaml" -> digest
    overlays: Mapping[str, str]  # "series/path" -> digest


@dataclass(frozen=True)
class LockedFork:
    inputs: Inputs
    commit: str
    tree: str


def read_lock(path: Path) -> dict[str, LockedFork]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return parse_lock(text, path.name)


def parse_lock(text: str, where: str) -> dict[str, LockedFork]:
    hint = "restore it from version control, or remove it and run `forkctl apply`"
    raw = parse_toml(text, where, hint)
    if raw.get("version") != VERSION:
        raise UsageError(f"this forkctl reads version {VERSION}", where=where, hint=hint)
    try:
        return {name: _locked(entry) for name, entry in raw.get("fork", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"is damaged: {error!r}", where=where, hint=hint) from error


def _locked(entry: Mapping[str, Any]) -> LockedFork:
    inputs = Inputs(
        upstream=str(entry["upstream"]),
        engine=str(entry["engine"]),
        patches=dict(entry["patches"]),
        overlays=dict(entry["overlays"]),
    )
    return LockedFork(inputs, commit=str(entry["commit"]), tree=str(entry["tree"]))


def write_lock(path: Path, forks: Mapping[str, LockedFork]) -> None:
    """Sorted and with one digest a line, so that a review shows what changed."""
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
    return key if _BARE_KEY.match(key) else json.dumps(key, ensure_ascii=False)
