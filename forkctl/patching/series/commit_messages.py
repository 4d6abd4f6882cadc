"""The commits of patches and overlays, with messages that are the same on every machine."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Sequence

from forkctl.forks.commits import FileChange, NewCommit
from forkctl.patching.model import Patch, PlainPatch
from forkctl.patching.series.inputs import Overlay

_WIDTH = 72
_TRAILERS = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*: .+\n?)+\Z")


def patch_commit(patch: Patch, changes: Sequence[FileChange]) -> NewCommit:
    trailers = (f"Forkctl-Patch: {patch.title}", f"Forkctl-Digest: {patch.digest}")
    # the message of a plain patch keeps its line breaks; the `why` of a YAML file is wrapped
    body = patch.why if isinstance(patch, PlainPatch) else _wrapped(patch.why)
    author = patch.author if isinstance(patch, PlainPatch) else None
    return NewCommit(patch.name, message(patch.subject, body, trailers), tuple(changes), author)


def overlay_commit(overlays: Sequence[Overlay]) -> NewCommit:
    names = list(dict.fromkeys(overlay.series for overlay in overlays))
    changes = tuple(
        FileChange(overlay.path, overlay.content, overlay.executable) for overlay in overlays
    )
    trailers = tuple(
        f"Forkctl-Overlay: {name} {_overlays_digest(overlays, name)}" for name in names
    )
    subject = f"Lay in the overlay files of {', '.join(names)}"
    why = "The logic that the patches of this series hook in lives in these files."
    return NewCommit("overlays", message(subject, why, trailers), changes)


def _overlays_digest(overlays: Sequence[Overlay], series: str) -> str:
    """One digest of all files of an overlay: their paths, modes and contents."""
    digest = hashlib.sha256()
    for overlay in sorted(overlays, key=lambda o: o.path):
        if overlay.series == series:
            digest.update(f"{overlay.path}\0{overlay.executable}\0{overlay.digest}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def message(subject: str, body: str, trailers: Sequence[str]) -> str:
    """Subject, body, trailers; trailers in the body stay in one paragraph with ours."""
    paragraphs = [subject]
    if body:
        paragraphs.append(body)
    last = body.rpartition("\n\n")[2]
    joined = "\n".join(trailers)
    if body and _TRAILERS.fullmatch(last):
        paragraphs[-1] = f"{body}\n{joined}"
    else:
        paragraphs.append(joined)
    return "\n\n".join(paragraphs) + "\n"


def _wrapped(why: str) -> str:
    paragraphs = re.split(r"\n\s*\n", why.strip())
    return "\n\n".join(
        textwrap.fill(" ".join(p.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
        for p in paragraphs
    )
