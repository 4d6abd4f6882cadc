"""Plain patches: a commit as `git format-patch` writes it, read without git.

The mail gives subject, reason, author and date. The diff gives the files it touches, which are
checked here, before anything is applied: no path that leaves the fork, no link, no submodule.
"""

from __future__ import annotations

import hashlib
import re
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import mktime_tz, parseaddr, parsedate_tz
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.forks.commits import Author
from forkctl.forks.paths import fault_of_path
from forkctl.patching.model import PlainPatch
from forkctl.patching.reading.gitdiff import DiffProblem, TouchedFile, read_diff

_MBOX = re.compile(rb"From [0-9a-f]{40,64} [^\n]*\n")
_PREFIX = re.compile(r"\A\s*(\[[^\]]*\]\s*)+")
_OWN_TRAILER = re.compile(r"^Forkctl-[A-Za-z-]+: .*$\n?", re.MULTILINE)
_HINT = "make it with `git format-patch` or `forkctl save`"


def load_plain(path: Path, series: str, data: bytes) -> PlainPatch:
    def fail(message: str, line: int | None = None) -> UsageError:
        where = f"{path}:{line}" if line else str(path)
        return UsageError(message, where=where, hint=_HINT)

    headers, body, body_line = _split_mail(data)
    if headers is None:
        raise fail("is not a mail as `git format-patch` writes it")
    try:
        subject, author = _decoded(headers, "Subject"), _author(headers)
    except (LookupError, ValueError) as error:  # a charset or a date that is none
        raise fail(f"its headers cannot be read: {error}") from None
    if headers.is_multipart() or headers.get("Content-Transfer-Encoding", "8bit").lower() not in (
        "7bit",
        "8bit",
        "binary",
    ):
        raise fail("is encoded; it must be 8-bit text without attachments")
    subject = " ".join(_PREFIX.sub("", subject).split())
    if not subject:
        raise fail("has no subject")
    start = _diff_start(body)
    if start is None:
        raise fail("contains no diff")
    first_line = body_line + body[:start].count(b"\n")
    try:
        touched, end = read_diff(body[start:])
    except DiffProblem as problem:
        raise fail(str(problem), first_line + problem.line - 1) from None
    for file in touched:
        for name in (file.old, file.new):
            reason = fault_of_path(name) if name is not None else None
            if reason is not None:
                raise fail(f"the path `{name}` {reason}", first_line + file.line - 1)
    return PlainPatch(
        name=path.name,
        series=series,
        path=path,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
        subject=subject,
        why=_why(body[:start]),
        author=author,
        diff=body[start : start + end],
        files=_paths(touched),
        executable={f.new: f.executable for f in touched if f.new and f.executable is not None},
        forks=_forks(headers),
    )


def _split_mail(data: bytes) -> tuple[Message | None, bytes, int]:
    """The headers, the rest, and the line where the rest begins."""
    mbox = _MBOX.match(data)
    head = mbox.end() if mbox else 0
    blank = re.compile(rb"\r?\n\r?\n").search(data, head)
    if blank is None:
        return None, b"", 0
    headers = BytesParser().parsebytes(data[head : blank.end()], headersonly=True)
    if "Subject" not in headers or "From" not in headers:
        return None, b"", 0
    return headers, data[blank.end() :], data[: blank.end()].count(b"\n") + 1


def _decoded(headers: Message, name: str) -> str:
    value = headers.get(name, "")
    return str(make_header(decode_header(str(value))))


def _author(headers: Message) -> Author | None:
    name, address = parseaddr(_decoded(headers, "From"))
    parsed = parsedate_tz(str(headers.get("Date", "")))
    if not address or parsed is None:
        return None
    zone = parsed[9] or 0
    sign = "-" if zone < 0 else "+"
    hours, minutes = divmod(abs(zone) // 60, 60)
    name = re.sub(r"[<>\n\r]", "", name).strip() or address
    return Author(
        name, re.sub(r"[<>\s]", "", address), f"{mktime_tz(parsed)} {sign}{hours:02}{minutes:02}"
    )


def _forks(headers: Message) -> tuple[str, ...]:
    """`X-Forkctl-Forks: a, b` limits a plain patch to some forks of its series."""
    return tuple(
        name.strip() for name in str(headers.get("X-Forkctl-Forks", "")).split(",") if name.strip()
    )


def _diff_start(body: bytes) -> int | None:
    found = re.search(rb"^diff --git ", body, re.MULTILINE)
    return found.start() if found else None


def _why(text: bytes) -> str:
    """The commit's message: up to `---`, without the trailers that forkctl adds itself."""
    message = text.decode(errors="replace").replace("\r\n", "\n")
    message = re.split(r"^---\s*$", message, maxsplit=1, flags=re.MULTILINE)[0]
    return _OWN_TRAILER.sub("", message).strip()


def _paths(touched: list[TouchedFile]) -> tuple[str, ...]:
    names = (name for file in touched for name in (file.old, file.new) if name is not None)
    return tuple(sorted(set(names)))
