"""Is a patch for this fork? By name (`forks`), and by what upstream looks like (`when`)."""

from __future__ import annotations

from typing import Protocol

from forkctl.patching.engine.diagnosis import Refusal
from forkctl.patching.engine.selectors import occurs
from forkctl.patching.engine.source import parse_source
from forkctl.patching.model import Condition, Patch, StructuralPatch


class Readable(Protocol):
    def read(self, path: str) -> bytes | None: ...

    def exists(self, path: str) -> bool: ...


def applies_to(patch: Patch, fork: str, tree: Readable) -> bool:
    if patch.forks and fork not in patch.forks:
        return False
    if isinstance(patch, StructuralPatch):
        return all(_holds(condition, tree) for condition in patch.when)
    return True


def _holds(condition: Condition, tree: Readable) -> bool:
    if condition.search is None:
        return tree.exists(condition.file) is condition.present
    data = tree.read(condition.file)
    if data is None:
        return not condition.present
    try:
        return occurs(parse_source(data), condition.search) is condition.present
    except Refusal:
        return not condition.present
