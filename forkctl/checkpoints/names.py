"""Tensor names that mean the same: wrappers that training adds, and cameras called otherwise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Union

from forkctl.errors import ForkctlError

# A part of a name in the checkpoint -> the part, or parts, that the model calls it.
KeyMap = Mapping[str, Union[str, Sequence[str]]]  # noqa: UP007 - evaluated on Python 3.9 too

_WRAPPERS = frozenset({"module", "_orig_mod"})  # DataParallel, torch.compile


def canonical(name: str) -> str:
    """The name without the segments that a wrapper around a module puts in."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def renamed(name: str, key_map: KeyMap) -> tuple[str, ...]:
    """The names that a model may know `name` under: itself, unless the map says otherwise."""
    parts = name.split(".")
    for old, new in key_map.items():
        old_parts = old.split(".")
        at = _find(parts, old_parts)
        if at is None:
            continue
        news = [new] if isinstance(new, str) else list(new)
        tail = parts[at + len(old_parts) :]
        return tuple(".".join([*parts[:at], *one.split("."), *tail]) for one in news)
    return (name,)


def check_map(key_map: KeyMap, source: Iterable[str], target: Iterable[str]) -> None:
    """Refuse an entry that names nothing: a typing error here would quietly transfer nothing."""
    for side, names, wanted in (
        ("checkpoint", source, list(key_map)),
        (
            "model",
            target,
            [n for v in key_map.values() for n in ([v] if isinstance(v, str) else v)],
        ),
    ):
        known = [canonical(name).split(".") for name in names]
        for part in wanted:
            if not any(_find(parts, part.split(".")) is not None for parts in known):
                raise ForkctlError(
                    f"the key map names {part!r}, which no tensor of the {side} has in its name",
                    where="ckpt_key_map",
                    hint=_nearest(part, known),
                )


def _find(parts: Sequence[str], wanted: Sequence[str]) -> int | None:
    for at in range(len(parts) - len(wanted) + 1):
        if list(parts[at : at + len(wanted)]) == list(wanted):
            return at
    return None


def _nearest(part: str, known: Iterable[Sequence[str]]) -> str:
    segments: dict[str, None] = {}
    for parts in known:
        segments.update(dict.fromkeys(parts))
    close: list[str] = difflib.get_close_matches(part, segments, n=3, cutoff=0.5)
    if not close:  # a name that is not alike at all: cameras carry a slash or an underscore
        close = [s for s in segments if "/" in s or s.endswith(("_rgb", "_image"))][:6]
    return "names there: " + ", ".join(close) if close else "see: forkctl ckpt inspect FILE"
