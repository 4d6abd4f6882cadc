"""Which file names a patch or an overlay may speak of: inside the fork, and never git's own."""

from __future__ import annotations

import re

_GIT_NAMES = re.compile(r"\.git[ .]*|git~\d+", re.IGNORECASE)
# HFS+ ignores these when it compares names, so that `.g\u200cit` would be git's own folder there
_INVISIBLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def why_unsafe(path: str) -> str | None:
    """What is wrong with a path relative to a fork's root, or None."""
    if not path:
        return "is empty"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "is absolute; write it relative to the root of the fork"
    if "\\" in path:
        return "holds a backslash; write it with `/`"
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "holds a control character"
    parts = path.split("/")
    if "" in parts or "." in parts:
        return "holds an empty part or `.`"
    if ".." in parts:
        return "leads out of the fork"
    if any(_GIT_NAMES.fullmatch(_INVISIBLE.sub("", part.split(":")[0])) for part in parts):
        return "lies in git's own folder"
    return None
