"""Every distinct version that a file ever had upstream, and where each one first stood.

One `git log --raw --full-history -m` names them all. It compares trees and reads no blob, so a
blobless clone will do. `--full-history` keeps the branches that git would simplify away, and `-m`
shows a merge against each of its parents: what a merge made of both is a version of its own.

A path is a name. A file that upstream renamed has one history under each name; a patch that should
follow it lists both.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError

_FILE_MODES = ("100644", "100755")
_HEADER = "\x01"


@dataclass(frozen=True)
class Upstream:
    """A repository with the history of one upstream, the commit pinned, its main branch's tip."""

    git_dir: Path
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
    at_pin = blobs_at(upstream.git_dir, upstream.pin, paths)
    at_head = blobs_at(upstream.git_dir, upstream.head, paths)
    found: dict[str, dict[str, Commit]] = {path: {} for path in paths}
    if since is not None:
        start = _commit(upstream.git_dir, since)
        for path, blob in blobs_at(upstream.git_dir, since, paths).items():
            found[path][blob] = start
    for commit, path, blob in _changes(upstream, paths, since):
        known = found[path].get(blob)
        if known is None or (commit.mainline and not known.mainline):
            found[path][blob] = commit
    return tuple(
        FileHistory(path, _by_time(found[path]), at_pin.get(path), at_head.get(path))
        for path in paths
    )


def blobs_at(git_dir: Path, revision: str, paths: Sequence[str]) -> dict[str, str]:
    """path -> blob id, for those of the paths that are files in the revision."""
    listing = _git(git_dir, "ls-tree", "-z", "--full-tree", revision, "--", *paths)
    blobs = {}
    for entry in filter(None, listing.split("\0")):
        (mode, _, blob), path = entry.split("\t", 1)[0].split(), entry.split("\t", 1)[1]
        if mode in _FILE_MODES:
            blobs[path] = blob
    return blobs


def _changes(
    upstream: Upstream, paths: Sequence[str], since: str | None
) -> Iterator[tuple[Commit, str, str]]:
    """(commit, path, blob) wherever a commit gave a path a content, parents before children."""
    main = set(_git(upstream.git_dir, "rev-list", upstream.head).split())
    log = _git(
        upstream.git_dir,
        "--literal-pathspecs",
        "log",
        "--all",
        "--topo-order",
        "--reverse",
        "--full-history",
        "-m",
        "--root",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        f"--format={_HEADER}%H %ct %s",
        *([f"^{since}"] if since is not None else []),
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


def _commit(git_dir: Path, revision: str) -> Commit:
    line = _git(git_dir, "log", "-1", "--no-walk", "--format=%H %ct %s", revision)
    return _parse_commit(line.rstrip("\n"), {line.split(" ", 1)[0]})


def _parse_commit(line: str, main: set[str]) -> Commit:
    commit_id, time, subject = line.split(" ", 2)
    readable = subject.encode(errors="replace").decode()
    return Commit(commit_id, int(time), readable, commit_id in main)


def _by_time(found: dict[str, Commit]) -> tuple[Version, ...]:
    # dicts keep the order of discovery (parents first), and sorting is stable
    versions = (Version(blob, commit) for blob, commit in found.items())
    return tuple(sorted(versions, key=lambda version: version.first.time))


def _git(git_dir: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={git_dir}", *words], stdin=subprocess.DEVNULL, capture_output=True
    )
    if done.returncode:
        raise ForkctlError(done.stderr.decode(errors="replace").strip(), where=str(git_dir))
    return done.stdout.decode(errors="surrogateescape")
