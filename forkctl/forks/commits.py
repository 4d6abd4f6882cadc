"""Write new commits with one `git fast-import`: same changes and base, same ids, anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.objects import TreeEntry

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


def write_commits(
    repo: Repository,
    base: str | None,
    base_files: Mapping[str, TreeEntry],
    commits: Iterable[NewCommit],
    *,
    ref: str = NEXT_REF,
) -> list[str]:
    """Put the commits on top of base; return their ids. `ref` is left at the last one."""
    modes = {path: entry.mode for path, entry in base_files.items()}
    script: list[bytes] = [b"feature done\n"]
    count = 0
    for count, commit in enumerate(commits, start=1):
        script += [
            f"commit {ref}\nmark :{count}\n".encode(),
            b"author " + (_author(commit.author) if commit.author else IDENTITY) + b"\n",
            b"committer " + IDENTITY + b"\n",
            _data(commit.message.encode("utf-8").rstrip(b"\n") + b"\n"),
        ]
        if count == 1 and base is not None:
            script.append(f"from {base}\n".encode())
        script += [_change(change, modes) for change in commit.changes]
        script.append(f"\nget-mark :{count}\n".encode())
    script.append(b"done\n")
    if not count:
        return []
    # `--force`: the ref is ours and need not move forward. Without it, a ref that a killed run left
    # behind would be refused.
    out = repo.local("fast-import", "--quiet", "--force", "--done", stdin=b"".join(script))
    return out.decode().split()


def _change(change: FileChange, modes: dict[str, str]) -> bytes:
    path = _quoted(change.path)
    if change.content is None:
        modes.pop(change.path, None)
        return b"D " + path + b"\n"
    mode = modes.get(change.path, "100644")
    if mode not in ("100644", "100755"):
        raise ForkctlError(
            f"is a {'symbolic link' if mode == '120000' else 'submodule'} upstream; "
            "forkctl changes only regular files",
            where=change.path,
        )
    if change.executable is not None:
        mode = "100755" if change.executable else "100644"
    modes[change.path] = mode
    return f"M {mode} inline ".encode() + path + b"\n" + _data(change.content)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _author(author: Author) -> bytes:
    return f"{author.name} <{author.email}> {author.date}".encode()


def _quoted(path: str) -> bytes:
    """A path in git's C-style quotes, since in this format a newline ends a path."""
    quoted = b"".join(
        bytes([byte]) if 32 <= byte < 127 and byte not in b'"\\' else b"\\%03o" % byte
        for byte in os.fsencode(path)
    )
    return b'"' + quoted + b'"'
