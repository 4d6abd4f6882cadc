"""The pristine revision as the engine reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.git import BlobReader, Entry, Repository
from forkctl.forks.sparse import Folders, chooser


class PinnedTree:
    def __init__(self, files: Mapping[str, Entry], sparse: Folders, blobs: BlobReader) -> None:
        self.files = files
        self._laid_out = chooser(sparse)
        self._blobs = blobs
        self._folders: set[str] | None = None

    def read(self, path: str) -> bytes | None:
        entry = self.files.get(path)
        if entry is None:
            return None
        if entry.mode not in ("100644", "100755"):
            raise ForkctlError(
                "is not a plain file upstream; forkctl changes no others", where=path
            )
        self.require_laid_out(path)
        return self._blobs.read(entry.oid)

    def exists(self, path: str) -> bool:
        return path in self.files or path in self.folders

    def require_laid_out(self, path: str) -> None:
        if not self._laid_out(path):
            folder = path.rpartition("/")[0]
            raise ForkctlError(
                f"{path} lies outside of the folders that this fork lays out",
                hint=f'add "{folder}" to `sparse` in forks.toml, then `forkctl sync`',
            )

    @property
    def folders(self) -> set[str]:
        if self._folders is None:
            self._folders = {
                "/".join(parts[:depth])
                for parts in (path.split("/") for path in self.files)
                for depth in range(1, len(parts))
            }
        return self._folders


@contextmanager
def pinned_tree(repo: Repository, commit: str, sparse: Folders) -> Iterator[PinnedTree]:
    with git.blob_reader(repo) as blobs:
        yield PinnedTree(git.files_of(repo, commit), sparse, blobs)
