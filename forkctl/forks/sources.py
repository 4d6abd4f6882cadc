"""Fetch a fork's pin: from its upstream repository, or from the package index as a git tree.

The user's own index settings apply to a source package; nothing in it is run (see
`package_index`). Its import is deterministic: the same archive gives the same commit id.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from forkctl.atomic import remove_folder
from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.cache import Fetcher, Unreachable, ensure_pin, git_dir_for, pin_ref
from forkctl.forks.commits import FileChange, NewCommit, write_commits
from forkctl.forks.damage import faults, put_aside, require_sound
from forkctl.forks.git import GitError, Repository
from forkctl.forks.manifest import Fork, GitSource, PypiSource
from forkctl.forks.objects import BARE, write_repository
from forkctl.forks.paths import fault_of_path, redacted
from forkctl.forks.processes import Children
from forkctl.forks.workspace import lock_on
from forkctl.places import cache_root

T = TypeVar("T")


def fetch_source(
    fork: Fork,
    mirrors: Sequence[tuple[str, str]],
    children: Children,
    offline: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Repository, str]:
    """A cached repository that holds the fork's pin, and the pin's commit id."""
    fetcher = Fetcher(children, mirrors, offline, progress)
    if isinstance(fork.source, GitSource):
        repo = ensure_pin(fetcher, fork.source.url, fork.source.revision, fork.sparse)
        return repo, fork.source.revision
    return ensure_release(fetcher, fork.source)


def with_pin(
    fork: Fork,
    mirrors: Sequence[tuple[str, str]],
    children: Children,
    use: Callable[[Repository, str], T],
    offline: bool = False,
    progress: Callable[[str], None] | None = None,
    thorough: bool = False,
) -> T:
    """What `use` makes of that repository and pin. A cache that turns out to be damaged is mended,
    and `use` starts anew. `thorough`: damage is looked for where `use` may not meet it, too."""
    try:
        cached, pin = fetch_source(fork, mirrors, children, offline, progress)
        if thorough:
            require_sound(cached)
        return use(cached, pin)
    except (GitError, objects.MissingObject) as error:
        source = fork.source
        git_dir = (
            git_dir_for(source.url) if isinstance(source, GitSource) else sdist_git_dir(source)
        )
        cached = Repository(git_dir, children)
        with lock_on(git_dir / "forkctl.lock", f"a look at the cache of {source}"):
            found = faults(cached)
            if not found:
                raise
            what = f"the cache is damaged: {'; '.join(found)}"
            if offline and isinstance(source, GitSource):
                raise ForkctlError(
                    what,
                    where=str(git_dir),
                    hint="run this once without --offline: what is damaged is then fetched again",
                ) from error
            print(f"warning: {git_dir}: {what}; it is fetched again", file=sys.stderr, flush=True)
            put_aside(cached)
    return use(*fetch_source(fork, mirrors, children, offline, progress))


def sdist_git_dir(source: PypiSource) -> Path:
    name = f"{source.package}-{source.version}-{source.sha256[:12]}.git"
    return cache_root() / "sdists" / name


def ensure_release(fetcher: Fetcher, source: PypiSource) -> tuple[Repository, str]:
    """The cached repository with the release as its one commit, and that commit."""
    git_dir = sdist_git_dir(source)
    git_dir.mkdir(parents=True, exist_ok=True)
    with lock_on(git_dir / "forkctl.lock", f"a download of {source}", say=fetcher.progress):
        repo = Repository(git_dir, fetcher.children)
        if commit := _imported(git_dir):
            return repo, commit
        archive = _archive(fetcher, source, git_dir)
        write_repository(git_dir, BARE)
        release = NewCommit(
            name=str(source),
            message=f"Import {source.package} {source.version}\n\nsha256: {source.sha256}\n",
            changes=tuple(unpack(archive.read_bytes(), str(source))),
        )
        ((commit, _),) = write_commits(repo, None, objects.EMPTY, [release], ref="refs/heads/main")
        objects.write_ref(repo, pin_ref(commit), commit)
        return repo, commit


def _imported(git_dir: Path) -> str | None:
    """The commit of a release that has been imported already."""
    pins = git_dir / "refs" / "forkctl" / "pins"
    names = [path.name for path in pins.iterdir()] if pins.is_dir() else []
    return next((name for name in names if len(name) == 40), None)


def _archive(fetcher: Fetcher, source: PypiSource, folder: Path) -> Path:
    """The downloaded archive. It is kept, so that a later import needs no network."""
    kept = folder / "archive.tar.gz"
    if kept.is_file() and _digest(kept) == source.sha256:
        return kept
    if fetcher.offline:
        raise Unreachable(
            f"{source} is not in the cache",
            where=str(cache_root()),
            hint="run once without --offline, or `forkctl bundle` on a machine that has it",
        )
    for leftover in folder.glob("download-*"):
        remove_folder(leftover)
    with tempfile.TemporaryDirectory(dir=folder, prefix="download-") as scratch:
        downloaded = Path(scratch) / kept.name
        _download(fetcher, source, downloaded)
        downloaded.replace(kept)
    return kept


def _download(fetcher: Fetcher, source: PypiSource, target: Path) -> None:
    if fetcher.progress:
        fetcher.progress(f"downloading {source}")
    finished = fetcher.children.run(
        [
            *(sys.executable, "-m", "forkctl.forks.package_index"),
            *(source.package, source.version, source.sha256, str(target)),
        ],
        env=dict(os.environ),
        cwd=target.parent,
        inherit_lock=False,
    )
    if finished.returncode:
        raise Unreachable(
            f"{source} could not be downloaded: {redacted(finished.stderr.strip()[-2000:])}",
            hint="pip's own settings (PIP_INDEX_URL, pip.conf) decide where it is looked for",
        )


def unpack(archive: bytes, where: str) -> Iterator[FileChange]:
    """The regular files below the archive's one top folder; anything else is refused."""
    import tarfile
    import zlib

    from forkctl.forks.archives import members

    tops: set[str] = set()
    try:
        for member, content in members(io.BytesIO(archive)):
            top, _, path = member.name.removeprefix("./").partition("/")
            tops.add(top)
            if member.isdir():
                continue
            fault = fault_of_path(path) if member.isfile() else "is not a regular file"
            if fault or len(tops) > 1:
                raise ForkctlError(
                    f"{member.name!r} {fault or 'is outside of the top folder'}", where=where
                )
            yield FileChange(path, content(), bool(member.mode & 0o100))
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise ForkctlError(
            f"cannot be unpacked: {error}",
            where=where,
            hint="pin another release, or the upstream repository with `git`",
        ) from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
