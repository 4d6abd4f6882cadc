"""The commit of a patch: its files and its message, the same on every machine."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Sequence

from forkctl.patching.model import CommitPlan, FileChange, Patch, PlainPatch
from forkctl.patching.series.overlays import Overlay

_WIDTH = 72
_TRAILERS = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*: .+\n?)+\Z")


def patch_commit(patch: Patch, changes: Sequence[FileChange]) -> CommitPlan:
    trailers = (f"Forkctl-Patch: {patch.title}", f"Forkctl-Digest: {patch.digest}")
    # a person's own message keeps its lines; the `why` of a YAML file has none of its own
    body = patch.why if isinstance(patch, PlainPatch) else _wrapped(patch.why)
    author = patch.author if isinstance(patch, PlainPatch) else None
    return CommitPlan(patch.name, message(patch.subject, body, trailers), tuple(changes), author)


def overlay_commit(overlays: Sequence[Overlay]) -> CommitPlan:
    names = list(dict.fromkeys(overlay.series for overlay in overlays))
    changes = tuple(
        FileChange(overlay.path, overlay.content, overlay.executable) for overlay in overlays
    )
    trailers = tuple(f"Forkctl-Overlay: {name} {overlays_digest(overlays, name)}" for name in names)
    subject = f"Lay in the overlay files of {', '.join(names)}"
    why = "The logic that the patches of this series hook in lives in these files."
    return CommitPlan("overlays", message(subject, why, trailers), changes)


def overlays_digest(overlays: Sequence[Overlay], series: str) -> str:
    """One digest of all files of an overlay: their paths, modes and contents."""
    digest = hashlib.sha256()
    for overlay in sorted(overlays, key=lambda o: o.path):
        if overlay.series == series:
            digest.update(f"{overlay.path}\0{overlay.executable}\0{overlay.digest}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def message(subject: str, body: str, trailers: Sequence[str]) -> str:
    """Subject, reason, trailers; the trailers of a body stay in one paragraph with ours."""
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
