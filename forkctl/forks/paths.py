"""Which names, paths and addresses are accepted, and whether a path stays in the workspace."""

from __future__ import annotations

import re
from pathlib import Path

from forkctl.errors import ForkctlError

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")

# Spellings that some file systems take for `.git`.
_GIT_DIRECTORIES = {".git", "git~1"}


def fault_of_name(name: str) -> str | None:
    """Why this cannot be the name of a fork, series or overlay folder; None if it can."""
    plain = name[:1] in _LETTERS and set(name) <= _LETTERS | set("._-")
    if not name or not plain or name.endswith((".lock", ".git")):
        return "is not a plain name (letters, digits, '.', '_', '-')"
    return None


# Characters that HFS+ ignores when it compares names.
_UNSEEN = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)


def fault_of_path(path: str) -> str | None:
    """Why this cannot be a path inside of a tree; None if it can."""
    if not path or path.startswith("/") or path[1:2] == ":" or "\\" in path:
        return "is not a relative path with forward slashes"
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "contains a control character"
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "contains an empty part, '.' or '..'"
    if any(map(_is_git_directory, parts)):
        return "leads into a .git directory"
    return None


def _is_git_directory(part: str) -> bool:
    """Also by the rules of other file systems: short names, streams, trailing dots."""
    name = part.translate(_UNSEEN).partition(":")[0].lower().rstrip(". ")
    return name in _GIT_DIRECTORIES or (name.startswith("git~") and name[4:].isdigit())


def _is_name(user: str) -> bool:
    """Of a user, as in addresses that hosts of git show; what may be a token is none."""
    if re.match(
        r"(gh[a-z]_|github_pat_|gl[a-z]+-|hf_|ATBB|ATCTT|ATATT|x-access-token|oauth2)", user
    ):
        return False
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,49}", user) is not None and (
        len(user) < 20 or not re.search(r"[0-9]|\A[A-Za-z]+\Z", user)
    )


# Where an address has names and passwords, or tokens: before an @, or in a query.
_SECRET = re.compile(
    r"""(?<=://)[^/\s'"@]+(?=@) | \b[\w.-]+:[^/\s'"@]+(?=@) | (?<=\?)[^\s'"]*=[^\s'"]*""",
    re.VERBOSE,
)


def fault_of_url(url: str) -> str | None:
    """Why forkctl does not fetch from this address; None if it does."""
    strange = not url.isprintable() or any(character in url for character in " \"'\\")
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("https", "ssh", "file") and not strange:
        user = rest.partition("/")[0].rpartition("@")[0]
        if ":" in user or (scheme == "https" and user and not _is_name(user)):
            return "contains a password or token; leave that to a git credential helper"
        if "?" in rest:
            return (
                "contains a query, in which a token may be; leave that to a git credential helper"
            )
        return None
    if url.startswith("/") and not strange:
        return None
    if re.match(
        r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:\s\"'\\][^\s\"'\\]*\Z", url
    ):
        return None  # git@host:path
    return "is not an address that forkctl fetches from"


def redacted(text: str) -> str:
    """Addresses in a text without what could be a secret."""
    return _SECRET.sub("***", text)


def require_inside(root: Path, path: Path) -> None:
    """Refuse a path that leads out of root through symbolic links."""
    resolved, resolved_root = path.resolve(), root.resolve()
    if resolved != resolved_root and resolved_root not in resolved.parents:
        raise ForkctlError(
            f"leads out of the workspace, to {resolved}",
            where=str(path),
            hint="put the files themselves there instead of a symbolic link",
        )
