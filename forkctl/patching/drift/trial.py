"""A series on one version of one file: what comes of each patch, and where its edits land.

The version is planned exactly as `forkctl apply` would plan it, so that a verdict here is what a
person will meet there, only that the fork is one file large.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from forkctl.patching.drift.cache import Trial
from forkctl.patching.engine.diagnosis import Refusal
from forkctl.patching.engine.place import place_of
from forkctl.patching.engine.render import diagnoses_of
from forkctl.patching.engine.source import Source, parse_source
from forkctl.patching.model import EditStatus, Patch, PatchOutcome, PlainPatch, Verdict
from forkctl.patching.series.building import SeriesFailed, plan_series
from forkctl.patching.series.planner import PlainApplier

Contents = Mapping[str, bytes | None]

NOT_FOR_IT = Trial(Verdict.NOT_FOR_THIS_FORK.value)

_STANDING = (EditStatus.APPLIED, EditStatus.ALREADY)
_WORKERS = min(4, os.cpu_count() or 1)
_WORTH_WORKERS = 30  # versions; below, starting processes costs more than it saves


@dataclass(frozen=True)
class Question:
    """A version of a file, and the patches that are to be planned on it, in order."""

    path: str
    data: bytes = field(repr=False)
    patches: tuple[Patch, ...]


def answer_all(
    questions: Sequence[Question], apply_plain: PlainApplier
) -> Iterator[tuple[Trial, ...]]:
    """One trial for each patch of each question; over several processes where there are many."""
    pure = [question for question in questions if not _needs_git(question)]
    answers: Iterator[tuple[Trial, ...]]
    if len(pure) < _WORTH_WORKERS or _WORKERS == 1:
        answers = map(_answer, pure)
    else:
        with ProcessPoolExecutor(_WORKERS) as pool:
            answers = iter(list(pool.map(_answer, pure, chunksize=8)))
    for question in questions:
        yield answer(question, apply_plain) if _needs_git(question) else next(answers)


def answer(question: Question, apply_plain: PlainApplier) -> tuple[Trial, ...]:
    patches = [_only_for(patch, question.path) for patch in question.patches]
    tree = _OneFile(question.path, question.data)

    def apply_here(patch: PlainPatch, current: Contents) -> Contents:
        return {question.path: apply_plain(patch, current)[question.path]}

    try:
        outcomes = plan_series(tree, "", (), patches, apply_here).outcomes
    except SeriesFailed as failed:
        outcomes = failed.outcomes
    source = _parsed(question.data)
    return tuple(_trial(outcome, source) for outcome in outcomes)


def _answer(question: Question) -> tuple[Trial, ...]:
    return answer(question, _no_plain_patch)


def _no_plain_patch(patch: PlainPatch, current: Contents) -> Contents:
    raise AssertionError(f"{patch.name} is a plain patch")


def _needs_git(question: Question) -> bool:
    return any(isinstance(patch, PlainPatch) for patch in question.patches)


def _only_for(patch: Patch, path: str) -> Patch:
    """The part of a patch that is about this file; whom it is for was looked at before."""
    if isinstance(patch, PlainPatch):
        return replace(patch, forks=())
    files = tuple(file for file in patch.files if file.path == path)
    return replace(patch, files=files, forks=(), when=())


@dataclass(frozen=True)
class _OneFile:
    path: str
    data: bytes

    def read(self, path: str) -> bytes | None:
        return self.data if path == self.path else None

    def exists(self, path: str) -> bool:
        return path == self.path


def _trial(outcome: PatchOutcome, source: Source | None) -> Trial:
    failed = diagnoses_of(outcome.edits)
    idle = outcome.edits and not any(edit.status in _STANDING for edit in outcome.edits)
    if idle and not failed:
        return NOT_FOR_IT  # optional throughout, and nothing to do here
    return Trial(
        outcome.verdict.value,
        places=tuple(_places(outcome, source)) if source is not None else (),
        why=tuple(line for diagnosis in failed for line in diagnosis.describe().splitlines()),
    )


def _places(outcome: PatchOutcome, source: Source) -> Iterator[str]:
    for edit in outcome.edits:
        if edit.status in _STANDING:
            for line in edit.lines:
                yield f"{edit.edit}: {place_of(source.tree, line)}"


def _parsed(data: bytes) -> Source | None:
    try:
        return parse_source(data)
    except Refusal:
        return None  # not Python, or broken
