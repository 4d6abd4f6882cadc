"""The files of a pinned tree, fetched as few as are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.public_forks.forks import PublicFork
from forkctl.forks import cache, objects
from forkctl.forks.cache import Fetcher
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork
from forkctl.forks.sources import fetch_source


@dataclass(frozen=True)
class Tree:
    """The paths of a commit, and the content of those that patches touch."""

    blobs: dict[str, str]  # every path -> its blob id
    contents: dict[str, bytes]

    def read(self, path: str) -> bytes | None:
        return self.contents[path] if path in self.blobs else None

    def exists(self, path: str) -> bool:
        return path in self.blobs or any(known.startswith(f"{path}/") for known in self.blobs)


def fetch_tree(fork: PublicFork, paths: Sequence[str], fetcher: Fetcher) -> Tree:
    """Raises Unreachable where the repository cannot be had."""
    repo = _with_commit(fork, fetcher)
    wanted = [oid for path, oid in blobs_of(repo, fork.commit).items() if path in paths]
    return tree_of(cache.ensure_objects(fetcher, fork.url, wanted), fork.commit, paths)


def _with_commit(fork: PublicFork, fetcher: Fetcher) -> Repository:
    """The history has no file's content. That of a pin has all files of the root, some of them
    larger than a patch is worth; it is asked for only where no branch has the commit any more."""
    cached = Repository(cache.git_dir_for(fork.url), fetcher.children)
    if cached.git_dir.is_dir() and objects.resolve(cached, fork.commit) is not None:
        return cached
    repo = cache.fetch_history(fetcher, fork.url)
    if objects.resolve(repo, fork.commit) is not None:
        return repo
    return cache.ensure_pin(fetcher, fork.url, fork.commit, sparse=())


def pinned_tree(fork: Fork, paths: Sequence[str], fetcher: Fetcher) -> Tree:
    """The upstream's own pin, which the textual tools get their diffs from."""
    repo, commit = fetch_source(fork, fetcher.mirrors, fetcher.children, fetcher.offline)
    return tree_of(repo, commit, paths)


def tree_of(repo: Repository, commit: str, paths: Sequence[str]) -> Tree:
    blobs = blobs_of(repo, commit)
    with objects.blob_reader(repo) as reader:
        contents = {path: reader.read(blobs[path]) for path in paths if path in blobs}
    return Tree(blobs, contents)


def blobs_of(repo: Repository, commit: str) -> dict[str, str]:
    return {path: entry.oid for path, entry in objects.files_of(repo, commit).items()}
