"""One patch on one version of one file: what the engine says, and where each edit landed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from forkctl.errors import ForkctlError
from forkctl.patching.diagnosis import Refusal
from forkctl.patching.drift_cache import Trial
from forkctl.patching.locate import locate
from forkctl.patching.model import (
    EditOutcome,
    EditStatus,
    FileEdits,
    Patch,
    PlainPatch,
    StructuralPatch,
    Verdict,
)
from forkctl.patching.place import place_of
from forkctl.patching.render import diagnoses_of, failure, verdict_of
from forkctl.patching.source import Source, parse_source
from forkctl.patching.splice import splice
from forkctl.patching.verify import check_result

# (patch, path, text) -> text; raises ForkctlError where the patch does not apply
ApplyPlain = Callable[[PlainPatch, str, bytes], bytes]

NOT_FOR_IT = Trial(Verdict.NOT_FOR_THIS_FORK.value)

_STANDING = (EditStatus.APPLIED, EditStatus.ALREADY)
_WORKERS = min(4, os.cpu_count() or 1)
_WORTH_WORKERS = 30  # versions; below, starting processes costs more than it saves


@dataclass(frozen=True)
class Part:
    """What one patch does to one file. `context` names what else its trials depend on."""

    patch: Patch
    path: str
    context: str = ""

    @property
    def edits(self) -> FileEdits | None:
        """None: this is a plain patch."""
        if isinstance(self.patch, StructuralPatch):
            return next(file for file in self.patch.files if file.path == self.path)
        return None


@dataclass(frozen=True)
class Question:
    """A version of a file, all that the series does to it, and the parts to be tried."""

    data: bytes = field(repr=False)
    series: tuple[Part, ...]
    asked: tuple[Part, ...]

    @property
    def chained(self) -> bool:
        return any(part.context for part in self.asked)


def answer_all(questions: Sequence[Question], apply_plain: ApplyPlain) -> Iterator[Sequence[Trial]]:
    """The trials of each question, in order; over several processes where there are many."""
    alone = [question for question in questions if not question.chained]
    if len(alone) < _WORTH_WORKERS:
        answers = iter([_answer(question) for question in alone])
    else:
        with ProcessPoolExecutor(_WORKERS) as pool:
            answers = iter(list(pool.map(_answer, alone, chunksize=8)))
    for question in questions:
        yield _answer_chain(question, apply_plain) if question.chained else next(answers)


def _answer(question: Question) -> list[Trial]:
    source = _parsed(question.data)
    return [
        try_edits(question.data, part.edits, source)
        for part in question.asked
        if part.edits is not None
    ]


def _answer_chain(question: Question, apply_plain: ApplyPlain) -> list[Trial]:
    """Walk the whole series over the file, since its later parts build on the earlier ones."""
    trials: dict[str, Trial] = {}
    base, pending = question.data, list[FileEdits]()
    for part in question.series:
        if part.edits is not None:
            trial = try_edits(base, part.edits, _parsed(base))
            if trial.verdict == Verdict.CLEAN.value:
                pending.append(part.edits)
        else:
            assert isinstance(part.patch, PlainPatch)
            text = _with_edits(base, pending)
            trial, text = _try_plain(part.patch, part.path, text, apply_plain)
            base, pending = text, []
        trials[part.patch.digest] = trial
    return [trials[part.patch.digest] for part in question.asked]


def _try_plain(
    patch: PlainPatch, path: str, text: bytes, apply_plain: ApplyPlain
) -> tuple[Trial, bytes]:
    try:
        result = apply_plain(patch, path, text)
    except ForkctlError as error:
        return Trial(Verdict.BROKEN.value, why=tuple(error.message.splitlines())), text
    verdict = Verdict.ALREADY if result == text else Verdict.CLEAN
    return Trial(verdict.value), result


def _with_edits(base: bytes, parts: Sequence[FileEdits]) -> bytes:
    """The base with all of these edits; each was found to apply by itself."""
    edits = [edit for part in parts for edit in part.edits]
    if not edits:
        return base
    located = locate(parts[0].path, base, edits, suggest=False)
    return base if located.failed else splice(base, located.changes)


def try_edits(data: bytes, attempt: FileEdits, source: Source | None) -> Trial:
    """`source` is the text already parsed, where it is Python."""
    if not attempt.path.endswith(".py"):
        source = None
    located = locate(attempt.path, data, attempt.edits, source=source)
    outcomes = located.outcomes
    if not located.failed:
        result = splice(data, located.changes)
        broken = check_result(attempt.path, data, result) if result != data else None
        if broken is not None:
            outcomes = (*outcomes, failure(broken))
    failed = diagnoses_of(outcomes)
    if not failed and not any(outcome.status in _STANDING for outcome in outcomes):
        return NOT_FOR_IT  # optional throughout, and nothing to do here
    return Trial(
        verdict_of(outcomes).value,
        places=tuple(_places(source, outcomes)) if source is not None else (),
        why=tuple(line for diagnosis in failed for line in diagnosis.describe().splitlines()),
    )


def _parsed(data: bytes) -> Source | None:
    try:
        return parse_source(data)
    except Refusal:
        return None  # not Python, or broken: the engine meets it again and says so


def _places(source: Source, outcomes: Sequence[EditOutcome]) -> Iterator[str]:
    for outcome in outcomes:
        if outcome.status in _STANDING:
            for line in outcome.lines:
                yield f"{outcome.edit}: {place_of(source.tree, line)}"
