"""How a patch is put on a fork's tree: by the engine, and by the tools that know text only."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from benchmarks.patch_drift import ScratchRepository, TextualPatch
from benchmarks.public_forks.trees import Tree
from forkctl.patching.model import PlainPatch, StructuralPatch, Verdict
from forkctl.patching.series.planning import SeriesFailed, plan_series


class Method(enum.Enum):
    ENGINE = "forkctl"
    GIT_APPLY = "git apply --3way"
    PATCH_F3 = "patch -F3"


@dataclass(frozen=True)
class Attempt:
    """The files that a patch changed; None where it was refused or had nothing to do."""

    files: Mapping[str, bytes] | None
    said: str = ""


def by_engine(patch: StructuralPatch, like: str, tree: Tree) -> Attempt:
    """Exactly what `forkctl apply` would make of this patch, alone, on the tree."""
    try:
        plan = plan_series(tree, like, (), [patch], _never)
    except SeriesFailed as failed:
        told = (f"{d.edit or d.file}: {d.code.value}" for d in failed.outcomes[0].diagnoses)
        return Attempt(None, ", ".join(told))
    (outcome,) = plan.outcomes
    if outcome.verdict is not Verdict.CLEAN:
        return Attempt(None, outcome.verdict.value)
    files = {
        change.path: change.content
        for commit in plan.commits
        for change in commit.changes
        if change.content is not None
    }
    return Attempt(files, outcome.verdict.value)


def whole_series(patches: list[StructuralPatch], like: str, tree: Tree) -> bool:
    """Whether all patches that are for this fork go on together."""
    try:
        plan_series(tree, like, (), patches, _never)
    except SeriesFailed:
        return False
    return True


@dataclass(frozen=True)
class Textual:
    """A patch as a diff that was made at the upstream's pin, and tried on each file by itself."""

    scratch: ScratchRepository
    patch: StructuralPatch
    pin: Tree
    like: str

    @cached_property
    def diffs(self) -> list[TextualPatch] | None:
        """None where the pin itself has no place for the patch."""
        made = by_engine(self.patch, self.like, self.pin).files
        if made is None:
            return None
        return [
            self.scratch.make_patch(path, before, after)
            for path, after in made.items()
            if (before := self.pin.read(path)) is not None
        ]

    def attempt(self, tree: Tree, method: Method) -> Attempt:
        """All files or none, as both tools are used."""
        files: dict[str, bytes] = {}
        for diff in self.diffs or ():
            version = tree.read(diff.path)
            if version is None:
                return Attempt(None, "no such file")
            tool = self.scratch.git_apply if method is Method.GIT_APPLY else self.scratch.patch_f3
            result = tool(diff, version)
            if result is None:
                return Attempt(None, "conflict")
            files[diff.path] = result
        return Attempt(files or None)


def _never(patch: PlainPatch, current: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
    raise AssertionError("the shipped series are structural")
