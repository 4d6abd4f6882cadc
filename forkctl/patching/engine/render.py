"""Bytes and edits in, bytes and outcomes out: pure, so that a verdict can be cached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from forkctl.patching.engine.diagnosis import Code, Diagnosis
from forkctl.patching.engine.locate import locate
from forkctl.patching.engine.source import Source
from forkctl.patching.engine.splice import splice
from forkctl.patching.engine.verify import check_result
from forkctl.patching.model import Edit, EditOutcome, EditStatus, Verdict


@dataclass(frozen=True)
class Rendering:
    """A file with edits made. Where one failed, `content` is the file as it was."""

    content: bytes = field(repr=False)
    outcomes: tuple[EditOutcome, ...]

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.outcomes)

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        return diagnoses_of(self.outcomes)


def render(
    path: str,
    data: bytes,
    edits: Sequence[Edit],
    *,
    source: Source | None = None,
    suggest: bool = True,
) -> Rendering:
    """Make all edits of a file, or none. `source` and `suggest` are those of `locate`."""
    located = locate(path, data, edits, source=source, suggest=suggest)
    if located.failed:
        return Rendering(data, located.outcomes)
    result = splice(data, located.changes)
    if result != data:
        broken = check_result(path, data, result)
        if broken is not None:
            return Rendering(data, (*located.outcomes, failure(broken)))
    return Rendering(result, located.outcomes)


def failure(diagnosis: Diagnosis) -> EditOutcome:
    return EditOutcome(
        diagnosis.file, diagnosis.edit, EditStatus.FAILED, diagnosis.lines, diagnosis
    )


def diagnoses_of(outcomes: Sequence[EditOutcome]) -> tuple[Diagnosis, ...]:
    return tuple(outcome.diagnosis for outcome in outcomes if outcome.diagnosis is not None)


def verdict_of(outcomes: Sequence[EditOutcome]) -> Verdict:
    """How a patch stands to a version of upstream, from what came of its edits."""
    failed = diagnoses_of(outcomes)
    if failed:
        return max((_verdict(diagnosis) for diagnosis in failed), key=list(Verdict).index)
    if any(outcome.status is EditStatus.APPLIED for outcome in outcomes):
        return Verdict.CLEAN
    if any(outcome.status is EditStatus.ALREADY for outcome in outcomes):
        return Verdict.ALREADY
    return Verdict.GONE  # every edit was optional, and none found its place


def _verdict(diagnosis: Diagnosis) -> Verdict:
    if diagnosis.code in (Code.NO_ANCHOR, Code.NO_SCOPE):
        return Verdict.MOVED if diagnosis.elsewhere else Verdict.GONE
    if diagnosis.code is Code.NO_FILE:
        return Verdict.GONE
    if diagnosis.code in (Code.AMBIGUOUS, Code.AMBIGUOUS_SCOPE):
        return Verdict.AMBIGUOUS
    return Verdict.BROKEN
