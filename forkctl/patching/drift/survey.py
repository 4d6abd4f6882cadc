"""From forks.toml to drift reports: whose histories are looked at, and where they come from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError, UsageError
from forkctl.forks import cache, git
from forkctl.forks.cache import Fetcher
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource, Manifest
from forkctl.forks.sources import fetch_source
from forkctl.forks.workspace import Workspace
from forkctl.patching import ENGINE_VERSION
from forkctl.patching.drift.cache import TrialCache
from forkctl.patching.drift.history import Upstream, blobs_at
from forkctl.patching.drift.looking import ForkDrift, Reading, drift_of
from forkctl.patching.engine.plain_apply import plain_applier
from forkctl.patching.model import Patch
from forkctl.patching.reading.loading import load_series

# History is asked for again after this long; until then a report needs no network.
FRESH_SECONDS = 24 * 3600
_HEAD = "refs/forkctl/HEAD"


@dataclass(frozen=True)
class Surveyed:
    """One fork's report, or why there is none."""

    fork: str
    drift: ForkDrift | None
    error: ForkctlError | None = None


@dataclass(frozen=True)
class Scope:
    """What a survey is about: `since` a revision, and how old a history may be."""

    since: str | None = None
    refetch: bool = False


def survey(
    workspace: Workspace,
    manifest: Manifest,
    chosen: Sequence[Fork],
    fetcher: Fetcher,
    scope: Scope,
    say: Callable[[str], None] = lambda message: None,
) -> list[Surveyed]:
    """The drift of each chosen fork and of its siblings; one that fails never stops another."""
    loaded: dict[str, tuple[Patch, ...]] = {}
    results = []
    for fork in with_siblings(manifest, chosen):
        try:
            for series in fork.series:
                if series not in loaded:
                    loaded[series] = load_series(workspace.patches, series)
            patches = [patch for series in fork.series for patch in loaded[series]]
            results.append(Surveyed(fork.name, _drift(fork, patches, fetcher, scope, say)))
        except UsageError:
            raise
        except ForkctlError as error:
            results.append(Surveyed(fork.name, None, error))
    return results


def with_siblings(manifest: Manifest, chosen: Sequence[Fork]) -> list[Fork]:
    """The chosen forks, then all others that share a series with one of them."""
    series = {name for fork in chosen for name in fork.series}
    siblings = [fork for fork in manifest.forks if series.intersection(fork.series)]
    return list({fork.name: fork for fork in (*chosen, *siblings)}.values())


def _drift(
    fork: Fork,
    patches: Sequence[Patch],
    fetcher: Fetcher,
    scope: Scope,
    say: Callable[[str], None],
) -> ForkDrift:
    upstream = open_history(fork, fetcher, scope.refetch, say)
    reading = Reading(
        blobs=lambda oids: read_blobs(upstream.repo, fork, fetcher, oids),
        tree_at=lambda commit: CommitTree(upstream.repo, fork, fetcher, commit),
        apply_plain=plain_applier(
            fetcher.children, CommitTree(upstream.repo, fork, fetcher, upstream.pin)
        ),
    )
    trials = TrialCache(cache.cache_root() / "drift" / f"engine-{ENGINE_VERSION}")
    return drift_of(fork.name, upstream, patches, trials, reading, scope.since)


def open_history(
    fork: Fork, fetcher: Fetcher, refetch: bool, say: Callable[[str], None]
) -> Upstream:
    """The cached history of a fork's upstream, fetched where it is missing or old."""
    if not isinstance(fork.source, GitSource):
        repo, commit = fetch_source(fork, fetcher.mirrors, fetcher.children, fetcher.offline)
        return Upstream(repo, commit, commit)
    url, pin = fork.source.url, fork.source.revision
    head_file = cache.git_dir_for(url) / _HEAD
    fresh = head_file.is_file() and time.time() - head_file.stat().st_mtime < FRESH_SECONDS
    repo = Repository(cache.git_dir_for(url), fetcher.children)
    if not fetcher.offline and (refetch or not fresh):
        say(f"fetching the history of {url}")
        repo = cache.fetch_history(fetcher, url)
    head = git.resolve(repo, _HEAD) if head_file.is_file() else None
    if head is None:
        raise ForkctlError(
            f"the history of {url} is not in the cache",
            where=str(cache.cache_root()),
            hint="run `forkctl drift` once without --offline",
        )
    if git.resolve(repo, pin) is None:  # pruned upstream: no branch has it any more
        repo = cache.ensure_pin(fetcher, url, pin, sparse=())
    return Upstream(repo, pin, head)


def read_blobs(
    repo: Repository, fork: Fork, fetcher: Fetcher, oids: Sequence[str]
) -> Mapping[str, bytes]:
    """Contents by blob id; what the cache lacks comes in one fetch."""
    if not oids:
        return {}
    if isinstance(fork.source, GitSource):
        cache.ensure_objects(fetcher, fork.source.url, oids)
    with git.blob_reader(repo) as reader:
        return {oid: reader.read(oid) for oid in oids}


@dataclass(frozen=True)
class CommitTree:
    """The files of any upstream commit, as conditions and plain patches read them."""

    repo: Repository
    fork: Fork
    fetcher: Fetcher
    commit: str

    def read(self, path: str) -> bytes | None:
        oid = blobs_at(self.repo, self.commit, [path]).get(path)
        if oid is None:
            return None
        return read_blobs(self.repo, self.fork, self.fetcher, [oid])[oid]

    def exists(self, path: str) -> bool:
        return bool(self.repo.local("ls-tree", "--full-tree", self.commit, "--", path))
