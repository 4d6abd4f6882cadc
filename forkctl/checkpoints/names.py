"""What tensor names mean: the same tensor under other names, and the part of the model it is in."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from forkctl.checkpoints.facts import TensorFacts
from forkctl.errors import ForkctlError

# A part of a name in the checkpoint -> the part, or parts, that the model has instead.
KeyMap = Mapping[str, Union[str, Sequence[str]]]  # noqa: UP007 - evaluated on Python 3.9 too

_WRAPPERS = frozenset({"module", "_orig_mod"})  # DataParallel, torch.compile
_IMAGE_WEIGHT_DIMS = 4  # only weights of 2-D convolutions have four dimensions
_PER_OBSERVATION = "obs_nets"  # holds one encoder for each observation


def canonical(name: str) -> str:
    """The name without the segments that a wrapper around a module adds."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def renamed(name: str, key_map: KeyMap) -> tuple[str, ...]:
    """The names that `name` may have in the model: itself, unless the map says otherwise."""
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
    """Refuse an entry that matches nothing: a typo here would silently transfer nothing."""
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
                    f"the key map has {part!r}, but no tensor of the {side} has that in its name",
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
    if not close:  # nothing similar: show names that look like cameras
        close = [s for s in segments if "/" in s or s.endswith(("_rgb", "_image"))][:6]
    return "similar names: " + ", ".join(close) if close else "forkctl ckpt inspect FILE"


@dataclass(frozen=True)
class Grouping:
    """Which observations have an image encoder, and so which part of the model a tensor is in."""

    image_keys: frozenset[str]

    def label(self, name: str) -> str:
        key = observation_of(name)
        if key is not None:
            kind = "visual encoder" if key in self.image_keys else "encoder"
            return f"{kind} {key}"
        parts = canonical(name).split(".")
        if "cond_encoder" in parts:
            return f"{'.'.join(parts[:2])} conditioning"
        return ".".join(parts[:2]) if len(parts) > 2 else parts[0]

    def is_visual(self, name: str) -> bool:
        return observation_of(name) in self.image_keys


def group_tensors(tensors: Mapping[str, TensorFacts]) -> Grouping:
    found: set[str] = set()
    for name, facts in tensors.items():
        key = observation_of(name)
        if key is not None and len(facts.shape) == _IMAGE_WEIGHT_DIMS:
            found.add(key)
    return Grouping(frozenset(found))


def observation_of(name: str) -> str | None:
    """The observation whose encoder the tensor belongs to, if it belongs to one."""
    parts = canonical(name).split(".")
    if _PER_OBSERVATION not in parts:
        return None
    after = parts.index(_PER_OBSERVATION) + 1
    return parts[after] if after < len(parts) - 1 else None
