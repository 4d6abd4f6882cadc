"""Every distinct version that a file ever had upstream, and where each one first stood.

One `git log --raw -m` names them all. It compares trees and reads no blob, so a blobless clone will
do. `-m` shows a merge against each of its parents, because what a merge made of both is a version
of its own, and keeps git from leaving out the side that a merge took nothing from.

A path is a name. A file that upstream renamed has one history under each name; a patch that should
follow it lists both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.git import Repository

_FILE_MODES = ("100644", "100755")
_HEADER = "\x01"


@dataclass(frozen=True)
class Upstream:
    """A repository with the history of one upstream, the commit pinned, its main branch's tip."""

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
    """One distinct content of a file and its first commit, on the main branch where that has it."""

    blob: str
    first: Commit


@dataclass(frozen=True)
class FileHistory:
    """The versions of one file, oldest first, and what the pin and the head have at its path."""

    path: str
    versions: tuple[Version, ...]
    at_pin: str | None
    at_head: str | None


def file_histories(
    upstream: Upstream, paths: Sequence[str], since: str | None = None
) -> tuple[FileHistory, ...]:
    """The history of each path over all refs. `since` leaves out what that revision contains."""
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
    """path -> blob id, for those of the paths that are files in the revision."""
    listing = _text(repo, "ls-tree", "-z", "--full-tree", revision, "--", *paths)
    blobs = {}
    for entry in filter(None, listing.split("\0")):
        about, path = entry.split("\t", 1)
        mode, _, blob = about.split(" ")
        if mode in _FILE_MODES:
            blobs[path] = blob
    return blobs


def _changes(
    upstream: Upstream, paths: Sequence[str], start: Commit | None
) -> Iterator[tuple[Commit, str, str]]:
    """(commit, path, blob) wherever a commit gave a path a content, parents before children."""
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
    commit = git.resolve(repo, revision)
    if commit is None:
        raise ForkctlError(
            f"upstream's history has no revision {revision!r}",
            hint="name a commit, a tag, or a branch of upstream",
        )
    line = _text(repo, "log", "-1", "--no-walk", "--format=%H %ct %s", commit)
    return _parse_commit(line.rstrip("\n"), {commit})


def _parse_commit(line: str, main: set[str]) -> Commit:
    commit_id, time, subject = line.split(" ", 2)
    readable = subject.encode(errors="replace").decode()
    return Commit(commit_id, int(time), readable, commit_id in main)


def _by_time(found: dict[str, Commit]) -> tuple[Version, ...]:
    # dicts keep the order of discovery (parents first), and sorting is stable
    versions = (Version(blob, commit) for blob, commit in found.items())
    return tuple(sorted(versions, key=lambda version: version.first.time))


def _text(repo: Repository, *words: str) -> str:
    return repo.local(*words).decode(errors="surrogateescape")
