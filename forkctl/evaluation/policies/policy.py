"""The one interface between the evaluator and whatever predicts actions.

A policy declares what it wants to see and how it answers. The evaluator arranges observations that
way (history, camera orientation) and converts answers to LIBERO's convention. A policy only
predicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forkctl.errors import ForkctlError
from forkctl.evaluation.dimensions import Floats, Ints
from forkctl.libero.units.conventions import LIBERO, Convention

Observation = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Conventions:
    """What a policy wants to see, and how it answers."""

    observations: tuple[str, ...] = ()  # LIBERO's observation keys
    history: int = 1  # observations up to and including the current one
    chunk: int = 1  # actions in an answer
    execute: int | None = None  # how many of them before it is asked again; None: all
    actions: Convention = LIBERO
    rotate_images: bool = False  # wants upright images; LIBERO stores them upside down
    batch: int = 16  # the most queries it takes at once
    frame_size: int | None = None  # pixels per side of the frames that it was trained on
    variants: tuple[str, ...] = ()  # other policies that it can answer for (see variants.py)

    @classmethod
    def from_json(
        cls, declared: Mapping[str, object], known: Mapping[str, Convention]
    ) -> Conventions:
        """What a policy's process declared; `known` are the conventions that its actions may be
        in."""
        names = {field.name for field in fields(cls)}
        if unknown := set(declared) - names:
            raise ForkctlError(
                f"the policy declares unknown conventions: {', '.join(sorted(unknown))}",
                hint=f"known: {', '.join(sorted(names))}",
            )
        values: dict[str, Any] = dict(declared)
        spoken = values.get("actions", LIBERO.name)
        if spoken not in known:
            raise ForkctlError(
                f"the policy's actions are in {spoken!r}, which is not known here",
                hint=f"known: {', '.join(known)}",
            )
        values["actions"] = known[spoken]
        for name in {"observations", "variants"} & set(values):
            values[name] = tuple(values[name])
        found = cls(**values)
        if min(found.history, found.chunk, found.batch) < 1:
            raise ForkctlError(
                "a policy's history, chunk and batch must be at least 1",
                hint="correct what its load() returns",
            )
        return found

    def to_json(self) -> dict[str, object]:
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        del said["variants"]  # does not change an answer
        return {**said, "observations": list(self.observations), "actions": self.actions.name}


@dataclass(frozen=True)
class Query:
    """One step, arranged as the conventions ask: each array is (history, ...)."""

    episode: str
    step: int
    observation: Observation
    instruction: str


@dataclass(frozen=True)
class Prediction:
    """An answer in the policy's own convention."""

    actions: Floats  # (chunk, width)
    tokens: Ints | None = None  # (7,) of the first action, if the policy answers in tokens
    invalid: int | None = None  # how many of them are not action tokens


class Policy(Protocol):
    @property
    def conventions(self) -> Conventions: ...

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        """One answer for each query. The same queries and seed give the same answers."""
        ...


def device_of(policy: Policy) -> str:
    """Empty for one that runs in this process and needs none."""
    return str(getattr(policy, "device", ""))


class PolicySource(Protocol):
    """A policy that is not loaded yet: loading takes minutes, and a finished record needs no
    policy."""

    @property
    def identity(self) -> Mapping[str, object]:
        """What makes it this policy and no other: JSON values that a record depends on."""
        ...

    def open(self) -> AbstractContextManager[Policy]: ...


def check_prediction(prediction: Prediction, chunk: int, width: int) -> None:
    """Refuse an answer of the wrong shape, before it is recorded."""
    shape = prediction.actions.shape
    if len(shape) != 2 or shape[1] != width or not 1 <= shape[0] <= chunk:
        raise ForkctlError(
            f"the policy answered with an array of shape {shape}, not (1..{chunk}, {width})",
            hint="its conventions and its predict() disagree",
        )
    if prediction.tokens is not None and np.shape(prediction.tokens) != (width,):
        raise ForkctlError(
            f"the policy answered with tokens of shape {np.shape(prediction.tokens)}, not "
            f"({width},)",
            hint="one token per dimension of the action",
        )
