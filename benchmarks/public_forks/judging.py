"""An attempt held against the judgements."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from benchmarks.public_forks.expected import Expected, expected_of, parse
from benchmarks.public_forks.judgements import Judged, Standing, judgements_of
from benchmarks.public_forks.trees import Tree
from forkctl.patching.model import StructuralPatch


class Result(enum.Enum):
    RIGHT = "right"
    WRONG = "wrong"
    REFUSED_RIGHTLY = "refused rightly"
    REFUSED_FALSELY = "refused falsely"
    DOUBTFUL = "doubtful"  # the place is right, and what comes of it no anchor can tell
    UNJUDGED = "unjudged"


@dataclass(frozen=True)
class JudgedEdit:
    path: str
    edit: Mapping[str, Any]  # as the patch file has it
    judged: Judged

    @property
    def id(self) -> str:
        return str(self.edit["id"])


@dataclass(frozen=True)
class Case:
    """One patch on one tree."""

    patch: StructuralPatch
    tree: Tree

    @property
    def name(self) -> str:
        return self.patch.name.removesuffix(".yaml")

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        raw: dict[str, Any] = yaml.safe_load(self.patch.path.read_text(encoding="utf-8"))
        return raw

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """Files that the patch needs and the tree lacks."""
        return tuple(
            entry["file"]
            for entry in self.raw["files"]
            if entry["file"] not in self.tree.blobs and not entry.get("optional")
        )

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Edits of files that nobody has judged in this version."""
        return tuple(
            f"{path} {edit['id']} {self.tree.blobs[path][:12]}"
            for path, edit, judged in self._all
            if judged is None
        )

    @cached_property
    def edits(self) -> tuple[JudgedEdit, ...]:
        return tuple(
            JudgedEdit(path, edit, judged) for path, edit, judged in self._all if judged is not None
        )

    @cached_property
    def _all(self) -> list[tuple[str, Mapping[str, Any], Judged | None]]:
        patch = judgements_of(self.patch.series).get(self.name)
        found = []
        for entry in self.raw["files"]:
            path = entry["file"]
            if path not in self.tree.blobs:
                continue
            file = patch.files.get(path) if patch else None
            known = file.of(self.tree.blobs[path]) if file else None
            for edit in entry["edits"]:
                found.append((path, edit, (known or {}).get(edit["id"])))
        return found

    @property
    def forbidden(self) -> tuple[JudgedEdit, ...]:
        return tuple(each for each in self.edits if each.judged.standing.forbids)

    @property
    def traps(self) -> tuple[str, ...]:
        """What may go wrong there, by kind."""
        named = [each.judged.trap for each in self.edits if each.judged.trap]
        solved = [
            "solved already" for each in self.edits if each.judged.standing is Standing.SOLVED
        ]
        return tuple(dict.fromkeys([*named, *solved]))

    def judge(self, files: Mapping[str, bytes] | None) -> Result:
        if self.unread and not self.lacking:
            return Result.UNJUDGED
        doubtful = any(each.judged.standing is Standing.DOUBT for each in self.edits)
        if files is None:
            if self.lacking or self.forbidden:
                return Result.REFUSED_RIGHTLY
            return Result.DOUBTFUL if doubtful else Result.REFUSED_FALSELY
        if self.lacking or not any(self._met(chosen, files) for chosen in self._choices()):
            return Result.WRONG
        return Result.DOUBTFUL if doubtful else Result.RIGHT

    def _choices(self) -> Iterator[Sequence[JudgedEdit]]:
        """The edits that may stand in a right result, with and without the spare ones."""
        allowed = self._allowed()
        if not any(each.judged.spots for each in allowed):
            return
        yield allowed
        needed = [each for each in allowed if each.judged.standing is not Standing.SPARE]
        if len(needed) < len(allowed):
            yield _with_use(needed)

    def _allowed(self) -> list[JudgedEdit]:
        """Where an edit has no place, its whole part of the patch stays out; what the fork has
        solved stays out alone."""
        parts = judgements_of(self.patch.series)[self.name].parts
        every = frozenset(each.id for each in self.edits)
        out: set[str] = set()
        for each in self.forbidden:
            if each.judged.standing is Standing.SOLVED:
                out.add(each.id)
            else:
                out |= next((part for part in parts if each.id in part), every)
        return _with_use([each for each in self.edits if each.id not in out])

    def _met(self, chosen: Sequence[JudgedEdit], files: Mapping[str, bytes]) -> bool:
        touched = {each.path for each in chosen if each.judged.spots}
        if any(path not in touched for path in files):
            return False
        return all(
            self.expected(path, chosen).is_met_by(files.get(path, self.tree.contents[path]))
            for path in touched
        )

    def expected(self, path: str, chosen: Sequence[JudgedEdit] | None = None) -> Expected:
        edits = [
            (each.edit, each.judged)
            for each in (self.edits if chosen is None else chosen)
            if each.path == path
        ]
        return expected_of(self.tree.contents[path], edits)

    def parses(self) -> bool:
        try:
            for entry in self.raw["files"]:
                if entry["file"] in self.tree.contents:
                    parse(self.tree.contents[entry["file"]])
        except (SyntaxError, ValueError):
            return False
        return True


def _with_use(edits: Sequence[JudgedEdit]) -> list[JudgedEdit]:
    """An import alone is of no use."""
    used = {each.path for each in edits if any(spot.how != "top" for spot in each.judged.spots)}
    return [each for each in edits if each.path in used]
