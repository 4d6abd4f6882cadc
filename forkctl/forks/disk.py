"""Compare the files on disk with what a commit says, by content and without trusting the index."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from forkctl.forks import objects
from forkctl.forks.git import Repository
from forkctl.forks.objects import LINK, SUBMODULE, TreeEntry
from forkctl.forks.sparse import Folders, chooser

Look = tuple[int, ...] | None


def laid_out(repo: Repository, commit: str, sparse: Folders) -> dict[str, TreeEntry]:
    """The files that a tree at this commit has on disk."""
    entries = entries_of(repo, commit, sparse)
    return {path: entry for path, entry in entries.items() if entry.mode != SUBMODULE}


def entries_of(repo: Repository, commit: str, sparse: Folders) -> dict[str, TreeEntry]:
    """The same with submodules, which are empty folders."""
    chosen = chooser(sparse)
    files = objects.files_of(repo, commit)
    return {path: entry for path, entry in files.items() if chosen(path)}


def differing(tree: Path, entries: Mapping[str, TreeEntry]) -> set[str]:
    """The paths whose file on disk is not this entry. The live index is not consulted, since it may
    be set to assume that files are unchanged."""
    return {path for path, entry in entries.items() if not _is(tree, path, entry)}


def _is(tree: Path, path: str, entry: TreeEntry) -> bool:
    here = tree / path
    try:
        mode = here.lstat().st_mode
        if look(tree, path) == () or stat.S_ISDIR(mode):
            return False
        if stat.S_ISLNK(mode):
            kind, content = LINK, os.fsencode(here.readlink())
        else:
            kind = "100755" if mode & stat.S_IXUSR else "100644"
            content = here.read_bytes() if stat.S_ISREG(mode) else b""
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (kind, objects.id_of("blob", content)) == entry


def is_free(tree: Path, path: str, judged: Collection[str]) -> bool:
    """Whether a new file can be put at this path without taking the place of one. `judged`: paths
    that do not count, because they are compared by themselves."""
    here = tree / path
    for parent in list(here.parents):
        if parent == tree:
            break
        if os.path.lexists(parent) and (parent.is_symlink() or not parent.is_dir()):
            return str(parent.relative_to(tree)) in judged
    if not os.path.lexists(here):
        return True
    if here.is_symlink() or not here.is_dir():
        return False
    inside = [Path(folder) / name for folder, _, names in os.walk(here) for name in names]
    return all(str(file.relative_to(tree)) in judged for file in inside)


def look(tree: Path, path: str) -> Look:
    """What shows whether a file was written to. None: there is no file; empty: a link is in the
    way."""
    folders = (path[:end] for end in range(len(path)) if path[end] == "/")
    if any((tree / folder).is_symlink() for folder in folders):
        return ()
    try:
        found = (tree / path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return None
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
