"""Name the parts of a model, as a person would count them, from the names of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.names import canonical

_IMAGE_WEIGHT_DIMS = 4  # only weights of 2-D convolutions have four dimensions
_PER_OBSERVATION = "obs_nets"  # one encoder for each observation is kept under this name


@dataclass(frozen=True)
class Grouping:
    """Which observations have an image encoder; asked for the group of one tensor at a time."""

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
    """The observation whose own encoder the tensor belongs to, if it belongs to one."""
    parts = canonical(name).split(".")
    if _PER_OBSERVATION not in parts:
        return None
    after = parts.index(_PER_OBSERVATION) + 1
    return parts[after] if after < len(parts) - 1 else None
