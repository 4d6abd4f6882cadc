"""Every distinct version that a file ever had upstream, and the commit where each first appeared.

One `git log --raw -m` lists them all. It compares trees and reads no blobs, so a blobless clone is
enough. `-m` shows a merge against each of its parents, because what a merge makes of both is a
version of its own, and keeps git from leaving out the side that a merge took nothing from.

A file that upstream renamed has one history under each name; a patch that should follow it lists
both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.forks import cache, objects
from forkctl.forks.cache import Fetcher
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource
from forkctl.forks.sources import fetch_source
from forkctl.places import cache_root

_FRESH_SECONDS = 24 * 3600  # until then a report needs no network
_HEAD = "refs/forkctl/HEAD"
_FILE_MODES = ("100644", "100755")
_HEADER = "\x01"


@dataclass(frozen=True)
class Upstream:
    """A repository with the history of one upstream, the pinned commit, the main branch's tip."""

    repo: Repository
    pin: str
    head: str


@dataclass(frozen=True)
class Commit:
    id: str
    time: int
    subject: str
    mainline: bool


@dataclass(frozen=True)
class Version:
    """One distinct content of a file and its first commit, on the main branch if it is there."""

    blob: str
    first: Commit


@dataclass(frozen=True)
class FileHistory:
    """The versions of one file, oldest first, and the ones at the pin and at the head."""

    path: str
    versions: tuple[Version, ...]
    at_pin: str | None
    at_head: str | None


def file_histories(
    upstream: Upstream, paths: Sequence[str], since: str | None = None
) -> tuple[FileHistory, ...]:
    """The history of each path over all refs. `since` leaves out what that revision has."""
    if not paths:
        return ()
    at_pin = blobs_at(upstream.repo, upstream.pin, paths)
    at_head = blobs_at(upstream.repo, upstream.head, paths)
    found: dict[str, dict[str, Commit]] = {path: {} for path in paths}
    start = None if since is None else _commit(upstream.repo, since)
    if start is not None:
        for path, blob in blobs_at(upstream.repo, start.id, paths).items():
            found[path][blob] = start
    for commit, path, blob in _changes(upstream, paths, start):
        known = found[path].get(blob)
        if known is None or (commit.mainline and not known.mainline):
            found[path][blob] = commit
    return tuple(
        FileHistory(path, _by_time(found[path]), at_pin.get(path), at_head.get(path))
        for path in paths
    )


def blobs_at(repo: Repository, revision: str, paths: Sequence[str]) -> dict[str, str]:
    """path -> blob id, for those of the paths that are regular files in the revision."""
    entries = objects.files_at(repo, revision, paths)
    return {path: entry.oid for path, entry in entries.items() if entry.mode in _FILE_MODES}


def _changes(
    upstream: Upstream, paths: Sequence[str], start: Commit | None
) -> Iterator[tuple[Commit, str, str]]:
    """(commit, path, blob) for each content that a commit gave a path, parents before children."""
    main = set(_text(upstream.repo, "rev-list", upstream.head).split())
    order = ("--topo-order", "--reverse")
    form = ("--raw", "-z", "-m", "--root", "--no-abbrev", "--no-renames")
    revisions = ("--all",) if start is None else ("--all", f"^{start.id}")
    log = _text(
        upstream.repo,
        "log",
        *order,
        *form,
        f"--format={_HEADER}%H %ct %s",
        *revisions,
        "--",
        *paths,
    )
    commit: Commit | None = None
    tokens = iter(log.split("\0"))
    for token in tokens:
        token = token.lstrip("\n")
        if token.startswith(_HEADER):
            commit = _parse_commit(token[1:], main)
        elif token.startswith(":") and commit is not None:
            _, mode, _, blob, _ = token[1:].split(" ")
            path = next(tokens)
            if mode in _FILE_MODES and path in paths:
                yield commit, path, blob


def _commit(repo: Repository, revision: str) -> Commit:
    commit = objects.resolve(repo, revision)
    if commit is None:
        raise ForkctlError(
            f"upstream's history has no revision {revision!r}",
            hint="name a commit, tag or branch of upstream",
        )
    line = _text(repo, "log", "-1", "--no-walk", "--format=%H %ct %s", commit)
    return _parse_commit(line.rstrip("\n"), {commit})


def _parse_commit(line: str, main: set[str]) -> Commit:
    commit_id, time, subject = line.split(" ", 2)
    readable = subject.encode(errors="replace").decode()
    return Commit(commit_id, int(time), readable, commit_id in main)


def _by_time(found: dict[str, Commit]) -> tuple[Version, ...]:
    # dicts keep the order of insertion (parents first), and sorting is stable
    versions = (Version(blob, commit) for blob, commit in found.items())
    return tuple(sorted(versions, key=lambda version: version.first.time))


def _text(repo: Repository, *words: str) -> str:
    return repo.local(*words).decode(errors="surrogateescape")


def open_history(
    fork: Fork, fetcher: Fetcher, refetch: bool, say: Callable[[str], None]
) -> Upstream:
    """The cached history of a fork's upstream, fetched if it is missing or old."""
    if not isinstance(fork.source, GitSource):
        repo, commit = fetch_source(fork, fetcher.mirrors, fetcher.children, fetcher.offline)
        return Upstream(repo, commit, commit)
    url, pin = fork.source.url, fork.source.revision
    head_file = cache.git_dir_for(url) / _HEAD
    fresh = head_file.is_file() and time.time() - head_file.stat().st_mtime < _FRESH_SECONDS
    repo = Repository(cache.git_dir_for(url), fetcher.children)
    if not fetcher.offline and (refetch or not fresh):
        say(f"fetching the history of {url}")
        repo = cache.fetch_history(fetcher, url)
    head = objects.resolve(repo, _HEAD) if head_file.is_file() else None
    if head is None:
        raise ForkctlError(
            f"the history of {url} is not in the cache",
            where=str(cache_root()),
            hint="run `forkctl drift` once without --offline",
        )
    if objects.resolve(repo, pin) is None:  # no branch of upstream has it any more
        repo = cache.ensure_pin(fetcher, url, pin, sparse=())
    return Upstream(repo, pin, head)


def read_blobs(
    repo: Repository, fork: Fork, fetcher: Fetcher, oids: Sequence[str]
) -> Mapping[str, bytes]:
    """Contents by blob id; what the cache lacks is fetched at once."""
    if not oids:
        return {}
    if isinstance(fork.source, GitSource):
        cache.ensure_objects(fetcher, fork.source.url, oids)
    with objects.blob_reader(repo) as reader:
        return {oid: reader.read(oid) for oid in oids}


@dataclass(frozen=True)
class CommitTree:
    """The files of any upstream commit, for conditions and plain patches."""

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
