"""Every patch of a fork on every version that upstream ever had of the files it touches.

A trial is one patch on one version of one file, beside the patches of the series that touch the
same file: exactly what `forkctl apply` would meet. It needs no checkout, and none is made twice:
trials are cached by patch, engine, blob, and the other patches of the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from forkctl.errors import ForkctlError, UsageError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import Fork, Manifest
from forkctl.forks.workspace import Workspace
from forkctl.patching import ENGINE_VERSION
from forkctl.patching.drift.history import (
    CommitTree,
    FileHistory,
    Upstream,
    Version,
    file_histories,
    open_history,
    read_blobs,
)
from forkctl.patching.drift.trials import NOT_FOR_IT, Attempt, PatchTrial, TrialCache, try_all
from forkctl.patching.model import Patch, StructuralPatch, Verdict
from forkctl.patching.reading.loading import load_series
from forkctl.patching.series.plain_apply import plain_applier
from forkctl.patching.series.planning import PlainApplier, PristineTree, applies_to
from forkctl.places import cache_root


@dataclass(frozen=True)
class VersionOutcome:
    """The outcome of one patch on one version. `elsewhere`: it applies, but not where it does at
    the pin: in another function, or under another `if`, `with` or `try`."""

    verdict: Verdict
    why: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True)
class PatchDrift:
    """One patch along the history of one file: an outcome per version."""

    title: str
    subject: str
    outcomes: tuple[VersionOutcome, ...]
    at_pin: VersionOutcome
    at_head: VersionOutcome


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
        """What keeps the series from applying at the tip of upstream's main branch."""
        return tuple(
            (file, patch)
            for file in self.files
            for patch in file.patches
            if patch.at_head.verdict.failed
        )


@dataclass(frozen=True)
class DriftResult:
    """The drift of one fork, or why there is none."""

    fork: str
    drift: ForkDrift | None
    error: ForkctlError | None = None


def drift_of_forks(
    workspace: Workspace,
    manifest: Manifest,
    chosen: Sequence[Fork],
    fetcher: Fetcher,
    *,
    since: str | None = None,
    refetch: bool = False,
    say: Callable[[str], None] = lambda message: None,
) -> list[DriftResult]:
    """The drift of each chosen fork and of its siblings; one fork's failure never stops another.

    `since`: leave out what this revision has. `refetch`: fetch histories even if they are fresh.
    """
    loaded: dict[str, tuple[Patch, ...]] = {}
    results = []
    for fork in _with_siblings(manifest, chosen):
        try:
            for series in fork.series:
                if series not in loaded:
                    loaded[series] = load_series(workspace.patches, series)
            patches = [patch for series in fork.series for patch in loaded[series]]
            upstream = open_history(fork, fetcher, refetch, say)
            drift = _drift_of(upstream, patches, _UpstreamReader(upstream, fork, fetcher), since)
            results.append(DriftResult(fork.name, drift))
        except UsageError:
            raise
        except ForkctlError as error:
            results.append(DriftResult(fork.name, None, error))
    return results


def _with_siblings(manifest: Manifest, chosen: Sequence[Fork]) -> list[Fork]:
    """The chosen forks, then all others that share a series with one of them."""
    series = {name for fork in chosen for name in fork.series}
    siblings = [fork for fork in manifest.forks if series.intersection(fork.series)]
    return list({fork.name: fork for fork in (*chosen, *siblings)}.values())


@dataclass(frozen=True)
class _UpstreamReader:
    """How trials read a fork's upstream: blobs by id, the files of a commit, git's own apply."""

    upstream: Upstream
    fork: Fork
    fetcher: Fetcher

    def blobs(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        return read_blobs(self.upstream.repo, self.fork, self.fetcher, oids)

    def tree_at(self, commit: str) -> PristineTree:
        return CommitTree(self.upstream.repo, self.fork, self.fetcher, commit)

    @cached_property
    def apply_plain(self) -> PlainApplier:
        return plain_applier(self.fetcher.children, self.tree_at(self.upstream.pin))


# digest of a patch -> its trials, by their keys
_KnownTrials = dict[str, dict[str, PatchTrial]]


def _drift_of(
    upstream: Upstream, patches: Sequence[Patch], reader: _UpstreamReader, since: str | None
) -> ForkDrift:
    """Try the patches that are for this fork; trials in the cache are not repeated."""
    fork = reader.fork.name
    cache = TrialCache(cache_root() / "drift" / f"engine-{ENGINE_VERSION}")
    by_file: dict[str, list[Patch]] = {}
    for patch in patches:
        if not patch.forks or fork in patch.forks:
            for path in patch.touched:
                by_file.setdefault(path, []).append(patch)
    histories = file_histories(upstream, list(by_file), since)
    known: _KnownTrials = {patch.digest: cache.load(patch.digest) for patch in patches}
    before = {digest: len(trials) for digest, trials in known.items()}
    wanted = [
        _PatchedVersion(
            history.path, version, _taking_part(by_file[history.path], version, known, reader)
        )
        for history in histories
        for version in history.versions
    ]
    _try_unknown(wanted, known, reader)
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
class _PatchedVersion:
    """A version of a file, and the patches that take part there."""

    path: str
    version: Version
    patches: tuple[Patch, ...]

    @cached_property
    def key(self) -> str:
        """What a trial depends on besides its own patch and the engine."""
        series = "\n".join(patch.digest for patch in self.patches)
        context = hashlib.sha256(f"{self.path}\n{series}".encode()).hexdigest()
        return f"{self.version.blob} {context[:32]}"


def _taking_part(
    patches: Sequence[Patch], version: Version, known: _KnownTrials, reader: _UpstreamReader
) -> tuple[Patch, ...]:
    """Those whose `when` holds in the version's first commit."""
    chosen = []
    for patch in patches:
        if isinstance(patch, StructuralPatch) and patch.when:
            key = f"when {version.first.id}"
            if key not in known[patch.digest]:
                holds = applies_to(replace(patch, forks=()), "", reader.tree_at(version.first.id))
                verdict = Verdict.CLEAN if holds else Verdict.NOT_FOR_THIS_FORK
                known[patch.digest][key] = PatchTrial(verdict.value)
            if known[patch.digest][key] == NOT_FOR_IT:
                continue
        chosen.append(patch)
    return tuple(chosen)


def _try_unknown(
    wanted: Sequence[_PatchedVersion], known: _KnownTrials, reader: _UpstreamReader
) -> None:
    """Add the trials that are not known yet."""
    unknown = [
        each
        for each in wanted
        if any(each.key not in known[patch.digest] for patch in each.patches)
    ]
    contents = reader.blobs(list({each.version.blob for each in unknown}))
    attempts = [Attempt(each.path, contents[each.version.blob], each.patches) for each in unknown]
    for each, trials in zip(unknown, try_all(attempts, reader.apply_plain), strict=True):
        for patch, trial in zip(each.patches, trials, strict=True):
            known[patch.digest][each.key] = trial


def _trials(
    history: FileHistory,
    patch: Patch,
    found: Mapping[tuple[str, str], _PatchedVersion],
    known: _KnownTrials,
) -> dict[str, PatchTrial]:
    """The trials of one patch, by the blob of each version."""
    versions = (found[history.path, version.blob] for version in history.versions)
    return {
        each.version.blob: known[patch.digest][each.key] if patch in each.patches else NOT_FOR_IT
        for each in versions
    }


def _patch_drift(
    history: FileHistory, patch: Patch, trials: Mapping[str, PatchTrial]
) -> PatchDrift:
    pin = trials.get(history.at_pin or "")
    outcomes = {blob: _outcome(trial, pin) for blob, trial in trials.items()}
    absent = _outcome_without_file(history.path, patch)
    return PatchDrift(
        patch.title,
        patch.subject,
        tuple(outcomes[version.blob] for version in history.versions),
        outcomes.get(history.at_pin or "", absent),
        outcomes.get(history.at_head or "", absent),
    )


def _outcome_without_file(path: str, patch: Patch) -> VersionOutcome:
    if isinstance(patch, StructuralPatch):
        (entry,) = (file for file in patch.files if file.path == path)
        if entry.optional:
            return VersionOutcome(Verdict.NOT_FOR_THIS_FORK)
    return VersionOutcome(Verdict.GONE, (f"{path}: no-file: there is no such file",))


def _outcome(trial: PatchTrial, pin: PatchTrial | None) -> VersionOutcome:
    verdict = Verdict(trial.verdict)
    if verdict is not Verdict.CLEAN or pin is None or Verdict(pin.verdict).failed:
        return VersionOutcome(verdict, trial.why)
    other_places = sorted(set(trial.places) - set(pin.places))
    why = (f"elsewhere than at the pin: {place}" for place in other_places)
    return VersionOutcome(verdict, tuple(why), elsewhere=bool(other_places))
