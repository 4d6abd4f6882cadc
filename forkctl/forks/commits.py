"""Write new commits: the same changes on the same base have the same ids, anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.objects import LINK, Listing, TreeEntry, write_object, write_ref

# The identity of every commit that forkctl makes. Part of the ids: never change it.
IDENTITY = b"forkctl <forkctl@localhost> 1700000000 +0000"
NEXT_REF = "refs/forkctl/next"


@dataclass(frozen=True)
class Author:
    name: str
    email: str
    date: str  # as git keeps it: "<unix seconds> <+zzzz>"


@dataclass(frozen=True)
class FileChange:
    path: str
    content: bytes | None = field(repr=False)  # None: the file is deleted
    executable: bool | None = None  # None: the mode stays as it is; a new file gets 100644


@dataclass(frozen=True)
class NewCommit:
    name: str  # for messages only
    message: str
    changes: tuple[FileChange, ...]
    author: Author | None = None  # None: forkctl's own


class Written(NamedTuple):
    commit: str
    tree: str


def write_commits(
    repo: Repository,
    base: str | None,
    base_tree: Listing,
    commits: Iterable[NewCommit],
    *,
    ref: str = NEXT_REF,
) -> list[Written]:
    """Put the commits on top of base, and return them. `ref` is left at the last one.

    The objects are few and small, and written here: a git process for them takes longer than all
    the rest of the work on a series."""
    root, written = _folders_of(base_tree), []
    parent = base
    for commit in commits:
        for change in commit.changes:
            _make(repo, root, change)
        tree = _write_folder(repo, root)
        author = _author(commit.author) if commit.author else IDENTITY
        lines = [b"tree " + tree.encode()]
        if parent is not None:
            lines.append(b"parent " + parent.encode())
        lines += [b"author " + author, b"committer " + IDENTITY, b""]
        message = commit.message.encode("utf-8").rstrip(b"\n") + b"\n"
        parent = write_object(repo, "commit", b"\n".join([*lines, message]))
        written.append(Written(parent, tree))
    if written:
        write_ref(repo, ref, written[-1].commit)
    return written


@dataclass
class _Folder:
    """`oid`: its tree; None once something in it has changed."""

    entries: dict[str, TreeEntry | _Folder]
    oid: str | None


def _folders_of(listing: Listing) -> _Folder:
    root = _Folder({}, None)
    folders = {"": root}
    for path, oid in listing.folders.items():  # a folder comes before what is in it
        above, _, name = path.rpartition("/")
        folders[path] = folders[above].entries[name] = _Folder({}, oid)
    for path, entry in listing.files.items():
        above, _, name = path.rpartition("/")
        folders[above].entries[name] = entry
    return root


def _make(repo: Repository, root: _Folder, change: FileChange) -> None:
    *above, name = change.path.split("/")
    folders = [root]
    for part in above:
        inside = folders[-1].entries.get(part)
        if not isinstance(inside, _Folder):
            if change.content is None:
                return
            inside = folders[-1].entries[part] = _Folder({}, None)
        folders.append(inside)
    for folder in folders:
        folder.oid = None
    entries = folders[-1].entries
    if change.content is not None:
        mode = _mode(change, entries.get(name))
        entries[name] = TreeEntry(mode, write_object(repo, "blob", change.content))
        return
    entries.pop(name, None)
    for part, folder in zip(reversed(above), reversed(folders[:-1]), strict=True):
        inside = folder.entries[part]
        if isinstance(inside, _Folder) and not inside.entries:
            del folder.entries[part]


def _mode(change: FileChange, before: TreeEntry | _Folder | None) -> str:
    mode = before.mode if isinstance(before, TreeEntry) else "100644"
    if mode not in ("100644", "100755"):
        raise ForkctlError(
            f"is a {'symbolic link' if mode == LINK else 'submodule'} upstream; "
            "forkctl changes only regular files",
            where=change.path,
        )
    if change.executable is not None:
        mode = "100755" if change.executable else "100644"
    return mode


def _write_folder(repo: Repository, folder: _Folder) -> str:
    if folder.oid is None:
        records = []
        for name, entry in folder.entries.items():
            key = os.fsencode(name)
            if isinstance(entry, _Folder):
                # git sorts a folder as if its name ended in a slash
                records.append((key + b"/", b"40000 " + key, _write_folder(repo, entry)))
            else:
                records.append((key, entry.mode.encode() + b" " + key, entry.oid))
        content = b"".join(start + b"\0" + bytes.fromhex(oid) for _, start, oid in sorted(records))
        folder.oid = write_object(repo, "tree", content)
    return folder.oid


def _author(author: Author) -> bytes:
    return f"{author.name} <{author.email}> {author.date}".encode()
