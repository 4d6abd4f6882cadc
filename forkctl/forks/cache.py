"""The shared cache: one bare repository per upstream, with every pin ever fetched kept.

A fetch runs in a quarantine repository of its own. Only finished packs are moved over, and the
reference is written last, so a fetch that dies leaves nothing behind in the cache. The cached
repository itself has no remote: reading from it never touches a network.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.atomic import remove_folder, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import mirrors, objects
from forkctl.forks.git import GitError, Repository
from forkctl.forks.objects import BARE, PARTIAL, write_repository
from forkctl.forks.processes import Children
from forkctl.forks.sparse import Folders, chooser
from forkctl.forks.workspace import lock_on
from forkctl.places import cache_root
from forkctl.reading import reason

Progress = Callable[[str], None]

_STALL = ("http.lowSpeedLimit=1", "http.lowSpeedTime=120")
_FETCH = (
    "fetch",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--recurse-submodules=no",
)
_FETCH_CONFIG = (
    "fetch.negotiationAlgorithm=noop",
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
    "fetch.fsckObjects=false",
    "transfer.fsckObjects=false",
    *_STALL,
)

# `refs/pull` exists on GitHub only; elsewhere the pattern matches nothing.
_HISTORY = (
    "+HEAD:refs/forkctl/HEAD",
    "+refs/heads/*:refs/forkctl/heads/*",
    "+refs/tags/*:refs/forkctl/tags/*",
    "+refs/pull/*/head:refs/forkctl/pull/*",
)

# What servers say that refuse to send a commit by its id, or shallow histories.
_REFUSED = re.compile(r"not our ref|unadvertised|shallow|dumb http|couldn't find remote ref")


class Unreachable(ForkctlError):
    """Out of reach for now: the network or a server is down, or `--offline` was given."""


def git_dir_for(url: str) -> Path:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", url.rstrip("/").rpartition("/")[2])[:40] or "upstream"
    return (
        cache_root() / "upstreams" / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.git"
    )


def pin_ref(commit: str) -> str:
    return f"refs/forkctl/pins/{commit}"


@dataclass(frozen=True)
class Fetcher:
    """How one command reaches upstreams."""

    children: Children
    mirrors: Sequence[tuple[str, str]] = ()
    offline: bool = False
    progress: Progress | None = None

    def places(self, url: str) -> list[str]:
        return list(mirrors.places(url, self.mirrors))


def ensure_pin(fetcher: Fetcher, url: str, commit: str, sparse: Folders) -> Repository:
    """A cached repository that holds the commit, its trees, and the blobs of these folders."""
    with opened(fetcher, url) as cached:
        if not has_pin(cached, commit):
            _fetch_pin(fetcher, cached, url, commit, everything=sparse is None)
        _ensure_blobs(fetcher, cached, url, blobs_of(cached, commit, sparse))
        return cached


def has_pin(cached: Repository, commit: str) -> bool:
    return (cached.git_dir / pin_ref(commit)).is_file()


def blobs_of(cached: Repository, commit: str, sparse: Folders) -> list[str]:
    chosen = chooser(sparse)
    files = objects.listing_of(cached, commit).files
    return list(
        dict.fromkeys(
            e.oid for path, e in files.items() if e.mode != objects.SUBMODULE and chosen(path)
        )
    )


@contextlib.contextmanager
def opened(fetcher: Fetcher, url: str) -> Iterator[Repository]:
    """The cached repository of an upstream, locked by this process."""
    git_dir = git_dir_for(url)
    try:
        git_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForkctlError(
            f"the cache is not writable: {reason(error)}",
            where=str(cache_root()),
            hint="set FORKCTL_CACHE to a folder that you can write to",
        ) from error
    with lock_on(git_dir / "forkctl.lock", f"a fetch of {url}", say=fetcher.progress):
        if not (git_dir / "HEAD").is_file():
            write_repository(git_dir, BARE)
        remove_folder(git_dir / "quarantine")
        yield Repository(git_dir, fetcher.children)


def ensure_objects(fetcher: Fetcher, url: str, oids: Sequence[str]) -> Repository:
    """A cached repository that holds these blobs."""
    with opened(fetcher, url) as cached:
        _ensure_blobs(fetcher, cached, url, oids)
        return cached


def fetch_history(fetcher: Fetcher, url: str) -> Repository:
    """A cached repository with the commits and trees of all branches, tags and pull requests."""
    with opened(fetcher, url) as cached:
        if not fetcher.offline:
            with _quarantine(cached) as area:
                _fetch(
                    fetcher,
                    area,
                    url,
                    "--filter=blob:none",
                    specs=_HISTORY,
                )
                refs = area.line("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
                # a pin that is part of this history is no longer cut off from its parents
                held = objects.held_objects(area)
                still_cut_off = [c for c in _lines(cached.git_dir / "shallow") if c not in held]
                objects.adopt_packs(area, cached)
            _write_shallow(cached, still_cut_off)
            for line in refs:
                oid, ref = line.split(" ", 1)
                objects.write_ref(cached, ref, oid)
        return cached


def resolve_upstream(fetcher: Fetcher, url: str, revision: str) -> str:
    """The commit that a branch, tag or HEAD of the upstream points to now."""
    if re.match(r"[0-9a-f]{40}\Z", revision):
        return revision
    if fetcher.offline:
        raise Unreachable(f"{revision} cannot be looked up offline", where=url)
    names = (
        revision,
        f"refs/heads/{revision}",
        f"refs/tags/{revision}^{{}}",
        f"refs/tags/{revision}",
    )
    with opened(fetcher, url) as cached, _quarantine(cached) as area:
        out = _at_any_place(fetcher, url, lambda place: area.network("ls-remote", "--", place))
    listed = (line.split("\t", 1) for line in out.decode().splitlines())
    found = {name: oid for oid, name in listed}
    for name in names:
        if name in found:
            return found[name]
    raise ForkctlError(
        f"there is no branch or tag {revision!r}", where=url, hint="a full commit id works too"
    )


def take_over(cached: Repository, pack: bytes, commit: str, sparse: Folders) -> None:
    """Add the objects of a pin that were not fetched. Their ids prove the content."""
    again = "make the bundle again with the forks.toml that you have here"
    with _quarantine(cached) as area:
        try:
            area.local("index-pack", "--stdin", "--promisor=forkctl", stdin=pack)
        except GitError as error:
            raise ForkctlError(f"the bundle is damaged: {error.message}", hint=again) from error
        if objects.resolve(area, commit) != commit:
            raise ForkctlError(f"the bundle does not hold the revision {commit}", hint=again)
        try:
            blobs = blobs_of(area, commit, sparse)
        except GitError as error:
            raise ForkctlError(
                f"the bundle does not hold the folders of {commit}", hint=again
            ) from error
        held = objects.held_objects(area)
        if lacking := objects.missing_objects(cached, [oid for oid in blobs if oid not in held]):
            raise ForkctlError(
                f"the bundle does not hold {len(lacking)} of the files of {commit}", hint=again
            )
        objects.adopt_packs(area, cached)
    _write_shallow(cached, [*_lines(cached.git_dir / "shallow"), commit])
    objects.write_ref(cached, pin_ref(commit), commit)


def _fetch_pin(
    fetcher: Fetcher, cached: Repository, url: str, commit: str, *, everything: bool
) -> None:
    if objects.resolve(cached, commit) == commit:  # it is part of a fetched history
        objects.write_ref(cached, pin_ref(commit), commit)
        return
    _require_network(fetcher, url, f"the revision {commit}")
    sparing = "--no-filter" if everything else "--filter=blob:none"
    with _quarantine(cached) as area:
        try:
            _fetch(
                fetcher, area, url, "--depth=1", sparing, specs=(f"+{commit}:{pin_ref(commit)}",)
            )
        except ForkctlError as error:
            if not _REFUSED.search(error.message):
                raise
            _fetch_all_branches(fetcher, area, url, commit, error)
        cut_off = _lines(area.git_dir / "shallow")
        objects.adopt_packs(area, cached)
    _write_shallow(cached, [*_lines(cached.git_dir / "shallow"), *cut_off])
    objects.write_ref(cached, pin_ref(commit), commit)


def _fetch_all_branches(
    fetcher: Fetcher, area: Repository, url: str, commit: str, first: ForkctlError
) -> None:
    """For servers that refuse to send a commit by its id: fetch all branches and tags."""
    specs = ("+refs/heads/*:refs/forkctl/heads/*", "+refs/tags/*:refs/forkctl/tags/*")
    try:
        _fetch(fetcher, area, url, "--filter=blob:none", specs=specs)
    except ForkctlError:
        raise first from None
    if objects.resolve(area, commit) != commit:
        raise ForkctlError(
            f"{url} has no commit {commit}; it may have been removed by a force-push",
            hint="correct `revision`, or use a mirror that still has it: " + mirrors.HOW,
        ) from first


def _ensure_blobs(fetcher: Fetcher, cached: Repository, url: str, oids: Sequence[str]) -> None:
    missing = objects.missing_objects(cached, oids)
    if not missing:
        return
    _require_network(fetcher, url, f"{len(missing)} files of the pinned revision")
    with _quarantine(cached) as area:
        asked = "".join(f"{oid}\n" for oid in missing).encode()
        _fetch(fetcher, area, url, "--filter=blob:none", "--stdin", stdin=asked)
        held = objects.held_objects(area)
        if still := [oid for oid in missing if oid not in held]:
            raise ForkctlError(
                f"{len(still)} objects were not sent, {still[0]} among them",
                where=url,
                hint="run this again; a mirror needs the files too, not only the commits",
            )
        objects.adopt_packs(area, cached)


def _require_network(fetcher: Fetcher, url: str, what: str) -> None:
    if fetcher.offline:
        raise Unreachable(
            f"{what} of {url} is not in the cache",
            where=str(cache_root()),
            hint="run once without --offline, or `forkctl bundle` on a machine that has it",
        )


def _fetch(
    fetcher: Fetcher,
    area: Repository,
    url: str,
    *options: str,
    specs: Sequence[str] = (),
    stdin: bytes = b"",
) -> None:
    show = "--progress" if fetcher.progress else "--quiet"

    def fetch_from(place: str) -> bytes:
        return area.network(
            *_FETCH,
            show,
            *options,
            "origin",
            *specs,
            stdin=stdin,
            config=(*_FETCH_CONFIG, f"remote.origin.url={place}"),
            on_progress=fetcher.progress,
        )

    _at_any_place(fetcher, url, fetch_from)


def _at_any_place(fetcher: Fetcher, url: str, fetch_from: Callable[[str], bytes]) -> bytes:
    failures: list[str] = []
    for place in fetcher.places(url):
        try:
            out = fetch_from(place)
        except GitError as error:
            failures.append(f"{place}: {error.message}" if place != url else error.message)
            continue
        for failure in failures:
            print(f"warning: the mirror {failure}", file=sys.stderr, flush=True)
        return out
    raise Unreachable("; ".join(failures), hint=mirrors.HOW)


@contextlib.contextmanager
def _quarantine(cached: Repository) -> Iterator[Repository]:
    folder = cached.git_dir / "quarantine"
    folder.mkdir(exist_ok=True)
    git_dir = Path(tempfile.mkdtemp(dir=folder))
    try:
        write_repository(git_dir, PARTIAL)
        yield Repository(git_dir, cached.children)
    finally:
        remove_folder(git_dir)


def _write_shallow(cached: Repository, commits: Sequence[str]) -> None:
    path = cached.git_dir / "shallow"
    if commits:
        write_atomically(path, "".join(f"{commit}\n" for commit in sorted(set(commits))))
    else:
        path.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []
