"""Every patch of a fork on every version that upstream ever had of the files it touches.

A cell is one patch on one version of one file, beside the patches of the series that touch that
file: exactly what `forkctl apply` would meet. It needs no checkout and is never tried twice:
a trial is kept under the patch, the engine, the blob, and the other patches of that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from forkctl.patching.drift.cache import Trial, TrialCache
from forkctl.patching.drift.history import FileHistory, Upstream, Version, file_histories
from forkctl.patching.drift.trial import NOT_FOR_IT, Question, answer_all
from forkctl.patching.model import Patch, StructuralPatch, Verdict
from forkctl.patching.series.conditions import Readable, applies_to
from forkctl.patching.series.planner import PlainApplier


@dataclass(frozen=True)
class Finding:
    """What came of one patch on one version. `elsewhere`: it applies, but not where it does at
    the pin: in another function, or under another `if`, `with` or `try`."""

    verdict: Verdict
    why: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True)
class PatchDrift:
    """One patch along the history of one file: a finding per version."""

    title: str
    subject: str
    findings: tuple[Finding, ...]
    at_pin: Finding
    at_head: Finding


@dataclass(frozen=True)
class FileDrift:
    history: FileHistory
    patches: tuple[PatchDrift, ...]


@dataclass(frozen=True)
class ForkDrift:
    fork: str
    upstream: Upstream
    files: tuple[FileDrift, ...]

    @property
    def failing_at_head(self) -> tuple[tuple[FileDrift, PatchDrift], ...]:
        """What stands between the series and the tip of upstream's main branch."""
        return tuple(
            (file, patch)
            for file in self.files
            for patch in file.patches
            if patch.at_head.verdict.failed
        )


@dataclass(frozen=True)
class Reading:
    """How the trials get at upstream: blobs by id, a commit's files for `when`, git's own apply."""

    blobs: Callable[[Sequence[str]], Mapping[str, bytes]]
    tree_at: Callable[[str], Readable]
    apply_plain: PlainApplier


Known = dict[str, dict[str, Trial]]  # digest of a patch -> what its trials came to, by their keys


def drift_of(
    fork: str,
    upstream: Upstream,
    patches: Sequence[Patch],
    cache: TrialCache,
    reading: Reading,
    since: str | None = None,
) -> ForkDrift:
    """Try the patches that are for this fork; what the cache knows is not tried again."""
    by_file: dict[str, list[Patch]] = {}
    for patch in patches:
        if not patch.forks or fork in patch.forks:
            for path in patch.touched:
                by_file.setdefault(path, []).append(patch)
    histories = file_histories(upstream, list(by_file), since)
    known: Known = {patch.digest: cache.load(patch.digest) for patch in patches}
    before = {digest: len(trials) for digest, trials in known.items()}
    wanted = [
        _Version(
            history.path, version, _taking_part(by_file[history.path], version, known, reading)
        )
        for history in histories
        for version in history.versions
    ]
    _learn(wanted, known, reading)
    for digest, trials in known.items():
        if len(trials) != before[digest]:
            cache.store(digest, trials)
    found = {(each.path, each.version.blob): each for each in wanted}
    return ForkDrift(
        fork,
        upstream,
        tuple(
            FileDrift(
                history,
                tuple(
                    _patch_drift(history, patch, _trials(history, patch, found, known))
                    for patch in by_file[history.path]
                ),
            )
            for history in histories
        ),
    )


@dataclass(frozen=True)
class _Version:
    """A version of a file, and the patches that take part there."""

    path: str
    version: Version
    patches: tuple[Patch, ...]

    @cached_property
    def key(self) -> str:
        """What a trial depends on beside its own patch and the engine."""
        series = "\n".join(patch.digest for patch in self.patches)
        context = hashlib.sha256(f"{self.path}\n{series}".encode()).hexdigest()
        return f"{self.version.blob} {context[:32]}"


def _taking_part(
    patches: Sequence[Patch], version: Version, known: Known, reading: Reading
) -> tuple[Patch, ...]:
    """Those whose `when` holds in the version's first commit."""
    chosen = []
    for patch in patches:
        if isinstance(patch, StructuralPatch) and patch.when:
            key = f"when {version.first.id}"
            if key not in known[patch.digest]:
                holds = applies_to(replace(patch, forks=()), "", reading.tree_at(version.first.id))
                verdict = Verdict.CLEAN if holds else Verdict.NOT_FOR_THIS_FORK
                known[patch.digest][key] = Trial(verdict.value)
            if known[patch.digest][key] == NOT_FOR_IT:
                continue
        chosen.append(patch)
    return tuple(chosen)


def _learn(wanted: Sequence[_Version], known: Known, reading: Reading) -> None:
    """Try what is not known yet."""
    asked = [
        each
        for each in wanted
        if any(each.key not in known[patch.digest] for patch in each.patches)
    ]
    contents = reading.blobs(list({each.version.blob for each in asked}))
    questions = [Question(each.path, contents[each.version.blob], each.patches) for each in asked]
    for each, trials in zip(asked, answer_all(questions, reading.apply_plain), strict=True):
        for patch, trial in zip(each.patches, trials, strict=True):
            known[patch.digest][each.key] = trial


def _trials(
    history: FileHistory,
    patch: Patch,
    found: Mapping[tuple[str, str], _Version],
    known: Known,
) -> dict[str, Trial]:
    """What came of one patch, by the blob of each version."""
    versions = (found[history.path, version.blob] for version in history.versions)
    return {
        each.version.blob: known[patch.digest][each.key] if patch in each.patches else NOT_FOR_IT
        for each in versions
    }


def _patch_drift(history: FileHistory, patch: Patch, trials: Mapping[str, Trial]) -> PatchDrift:
    pin = trials.get(history.at_pin or "")
    findings = {blob: _finding(trial, pin) for blob, trial in trials.items()}
    absent = _absent(history.path, patch)
    return PatchDrift(
        patch.title,
        patch.subject,
        tuple(findings[version.blob] for version in history.versions),
        findings.get(history.at_pin or "", absent),
        findings.get(history.at_head or "", absent),
    )


def _absent(path: str, patch: Patch) -> Finding:
    if isinstance(patch, StructuralPatch):
        (entry,) = (file for file in patch.files if file.path == path)
        if entry.optional:
            return Finding(Verdict.NOT_FOR_THIS_FORK)
    return Finding(Verdict.GONE, (f"{path}: no-file: there is no such file",))


def _finding(trial: Trial, pin: Trial | None) -> Finding:
    verdict = Verdict(trial.verdict)
    if verdict is not Verdict.CLEAN or pin is None or Verdict(pin.verdict).failed:
        return Finding(verdict, trial.why)
    news = sorted(set(trial.places) - set(pin.places))
    why = (f"elsewhere than at the pin: {place}" for place in news)
    return Finding(verdict, tuple(why), elsewhere=bool(news))
