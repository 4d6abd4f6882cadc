"""Patches on every version that upstream ever had, each result held against what it must be."""

from __future__ import annotations

import ast
import enum
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import Fork
from forkctl.patching.drift.history import (
    FileHistory,
    file_histories,
    open_history,
    read_blobs,
)
from forkctl.patching.model import StructuralPatch, Verdict
from forkctl.patching.reading.loading import load_patch
from tests.patching.engine_support import applied
from tests.patching.oracle import INSERTS, VERBS, made
from tests.upstream.patches.places import PLACES, NoPlace, Places


@dataclass(frozen=True)
class ExpectedEdit:
    """One patch in one file, and what must come of it."""

    series: str
    patch: str
    path: str
    places: Callable[[ast.Module], Places]

    def expected(self, before: bytes, edits: Sequence[Mapping[str, Any]]) -> ast.Module | None:
        """The tree that must come out; None where there is no place for the patch."""
        try:
            tree = ast.parse(before)
            places = self.places(tree)
        except (SyntaxError, NoPlace):
            return None
        changes = []
        for edit in edits:
            verb = next(verb for verb in VERBS if verb in edit)
            code = edit[verb] if isinstance(edit[verb], str) else ""
            found = places[edit["id"]]
            for place in found if isinstance(found, list) else [found]:
                node, holes = place if isinstance(place, tuple) else (place, {})
                changes.append((node, verb, code, holes))
        for change in sorted(changes, key=lambda change: change[1] not in INSERTS):
            made(tree, *change)
        return tree

    def edits(self, patches: Path) -> Sequence[Mapping[str, Any]]:
        """As they stand in the patch file."""
        patch = yaml.safe_load((patches / self.series / self.patch).read_text())
        (edits,) = (file["edits"] for file in patch["files"] if file["file"] == self.path)
        return edits


EDITS = tuple(
    ExpectedEdit(series, f"{patch}.yaml", path, places)
    for (series, patch, path), places in PLACES.items()
)


class Judgement(enum.Enum):
    RIGHT = "right"
    MISSED = "missed"  # there is a place, and the patch was not made
    WRONG = "wrong"  # something came out, and it is not what must come out
    REFUSED = "rightly refused"  # there is no place, and the patch was not made


@dataclass(frozen=True)
class Pair:
    """One edit on one version, and the code that must come out, if any may."""

    edit: ExpectedEdit
    fork: str
    blob: str
    subject: str
    before: bytes
    expected: ast.Module | None
    at_pin: bool

    def judge(self, after: bytes | None) -> Judgement:
        """`after` is None where the tool gave up or had nothing to do."""
        if after is None:
            return Judgement.REFUSED if self.expected is None else Judgement.MISSED
        if self.expected is not None and same_code(after, self.expected):
            return Judgement.RIGHT
        return Judgement.WRONG


def same_code(after: bytes, expected: ast.Module) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(after)) == ast.dump(expected)
    except (SyntaxError, ValueError):
        return False


def pairs_of(
    edit: ExpectedEdit, patches: Path, forks: Sequence[Fork], fetcher: Fetcher
) -> list[Pair]:
    """The edit on every version of its file, in each fork of its series that it is for."""
    patch = load_patch(patches / edit.series / edit.patch, edit.series)
    edits = edit.edits(patches)
    pairs: dict[str, Pair] = {}
    for fork in forks:
        if edit.series not in fork.series or (patch.forks and fork.name not in patch.forks):
            continue
        history, contents = versions_of(fork, edit.path, fetcher)
        for version in history.versions:
            before = contents[version.blob]
            pairs.setdefault(
                version.blob,
                Pair(
                    edit,
                    fork.name,
                    version.blob,
                    version.first.subject,
                    before,
                    expected_of(edit, before, edits),
                    version.blob == history.at_pin,
                ),
            )
    return list(pairs.values())


@functools.cache
def versions_of(fork: Fork, path: str, fetcher: Fetcher) -> tuple[FileHistory, Mapping[str, bytes]]:
    upstream = open_history(fork, fetcher, refetch=False, say=lambda message: None)
    (history,) = file_histories(upstream, [path])
    blobs = [version.blob for version in history.versions]
    return history, read_blobs(upstream.repo, fork, fetcher, blobs)


def expected_of(
    edit: ExpectedEdit, before: bytes, edits: Sequence[Mapping[str, Any]]
) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's invalid escapes
        return edit.expected(before, edits)


def structural(edit: ExpectedEdit, patches: Path) -> StructuralPatch:
    """The part of the patch that is about the file."""
    patch = load_patch(patches / edit.series / edit.patch, edit.series)
    assert isinstance(patch, StructuralPatch)
    files = tuple(file for file in patch.files if file.path == edit.path)
    return replace(patch, files=files, forks=(), when=())


def rendered(patch: StructuralPatch, before: bytes) -> bytes | None:
    """What the engine makes of a version; None if it refuses or finds nothing to do."""
    outcome, after = applied(patch, before)
    return after if outcome.verdict is Verdict.CLEAN else None
