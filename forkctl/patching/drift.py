"""Every patch of a fork on every version that upstream ever had of the files it touches.

A cell is one patch on one version of one file, seen by itself. It needs no checkout, and never has
to be asked twice: see `drift_cache`. Only a plain patch, and what follows it in the same file, is
tried on what the patches before it make of that version: its context lines come from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forkctl.patching.conditions import Readable, applies_to
from forkctl.patching.drift_cache import Trial, TrialCache
from forkctl.patching.history import FileHistory, Upstream, Version, file_histories
from forkctl.patching.model import Patch, PlainPatch, StructuralPatch, Verdict
from forkctl.patching.trial import NOT_FOR_IT, ApplyPlain, Part, Question, answer_all


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

    name: str
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
    apply_plain: ApplyPlain


def drift_of(
    fork: str,
    upstream: Upstream,
    patches: Sequence[Patch],
    cache: TrialCache,
    reading: Reading,
    since: str | None = None,
) -> ForkDrift:
    """Try the patches that are for this fork; what the cache knows is not tried again."""
    parts = _parts_by_file([p for p in patches if not p.forks or fork in p.forks])
    histories = file_histories(upstream, list(parts), since)
    known = {
        part.patch.digest: cache.load(part.patch.digest)
        for in_file in parts.values()
        for part in in_file
    }
    learned = _learn(fork, histories, parts, known, reading)
    for digest in learned:
        cache.store(digest, known[digest])
    files = tuple(_file_drift(history, parts[history.path], known) for history in histories)
    return ForkDrift(fork, upstream, files)


def _parts_by_file(patches: Sequence[Patch]) -> dict[str, tuple[Part, ...]]:
    parts: dict[str, tuple[Part, ...]] = {}
    for patch in patches:
        for path in patch.touched:
            before = parts.get(path, ())
            chained = isinstance(patch, PlainPatch) or any(part.context for part in before)
            digests = "\n".join(part.patch.digest for part in before)
            context = hashlib.sha256(digests.encode()).hexdigest() if chained else ""
            parts[path] = (*before, Part(patch, path, context))
    return parts


def _key(part: Part, version: Version) -> str:
    """Everything that a trial depends on, beside the patch and the engine."""
    depends_on_tree = isinstance(part.patch, StructuralPatch) and part.patch.when
    commit = version.first.id if depends_on_tree else ""
    return " ".join(filter(None, (version.blob, part.path, part.context, commit)))


def _learn(
    fork: str,
    histories: Sequence[FileHistory],
    parts: Mapping[str, tuple[Part, ...]],
    known: dict[str, dict[str, Trial]],
    reading: Reading,
) -> set[str]:
    """Fill in what is not known; the digests of the patches of which there is news."""
    asked: list[tuple[Version, tuple[Part, ...]]] = []
    learned: set[str] = set()
    for history in histories:
        for version in history.versions:
            untried: list[Part] = []
            for part in parts[history.path]:
                if _key(part, version) in known[part.patch.digest]:
                    continue
                if _is_for(part.patch, fork, version, reading):
                    untried.append(part)
                else:
                    known[part.patch.digest][_key(part, version)] = NOT_FOR_IT
                learned.add(part.patch.digest)
            if untried:
                asked.append((version, tuple(untried)))
    contents = reading.blobs(list({version.blob for version, _ in asked}))
    questions = [
        Question(contents[version.blob], parts[missing[0].path], missing)
        for version, missing in asked
    ]
    answers = answer_all(questions, reading.apply_plain)
    for (version, missing), trials in zip(asked, answers, strict=True):
        for part, trial in zip(missing, trials, strict=True):
            known[part.patch.digest][_key(part, version)] = trial
    return learned


def _is_for(patch: Patch, fork: str, version: Version, reading: Reading) -> bool:
    if not isinstance(patch, StructuralPatch) or not patch.when:
        return True
    return applies_to(patch, fork, reading.tree_at(version.first.id))


def _file_drift(
    history: FileHistory,
    parts: Sequence[Part],
    known: Mapping[str, Mapping[str, Trial]],
) -> FileDrift:
    return FileDrift(
        history, tuple(_patch_drift(history, part, known[part.patch.digest]) for part in parts)
    )


def _patch_drift(history: FileHistory, part: Part, known: Mapping[str, Trial]) -> PatchDrift:
    trials = {version.blob: known[_key(part, version)] for version in history.versions}
    pin = trials.get(history.at_pin or "")
    findings = {blob: _finding(trial, pin) for blob, trial in trials.items()}
    absent = _absent(part)
    return PatchDrift(
        part.patch.name,
        part.patch.subject,
        tuple(findings[version.blob] for version in history.versions),
        findings.get(history.at_pin or "", absent),
        findings.get(history.at_head or "", absent),
    )


def _absent(part: Part) -> Finding:
    if part.edits is not None and part.edits.optional:
        return Finding(Verdict.NOT_FOR_THIS_FORK)
    return Finding(Verdict.GONE, (f"{part.path}: no-file: there is no such file",))


def _finding(trial: Trial, pin: Trial | None) -> Finding:
    verdict = Verdict(trial.verdict)
    if verdict is not Verdict.CLEAN or pin is None or Verdict(pin.verdict).failed:
        return Finding(verdict, trial.why)
    news = sorted(set(trial.places) - set(pin.places))
    why = (f"elsewhere than at the pin: {place}" for place in news)
    return Finding(verdict, tuple(why), elsewhere=bool(news))
