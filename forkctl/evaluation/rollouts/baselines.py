"""Policies without a checkpoint: the floor, and the ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from forkctl.evaluation.dimensions import GRIPPER, Floats
from forkctl.evaluation.openloop.pairs import AT_REST
from forkctl.evaluation.policies.policy import Conventions, Policy, Prediction, Query
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.simulation.expert.goals import NEXT_ACTION

REPLAYED_AT_ONCE = 8


@dataclass(frozen=True)
class Still:
    """Never moves, hand open."""

    conventions: Conventions = field(default=Conventions(chunk=16))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "zero"}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield self

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return [Prediction(np.tile(AT_REST, (self.conventions.chunk, 1))) for _ in queries]


@dataclass(frozen=True)
class Random:
    """Uniform over the controller's range, another action at each step."""

    conventions: Conventions = field(default=Conventions(chunk=8))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "random"}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield self

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        random = np.random.default_rng(seed)
        return [Prediction(self._chunk(random)) for _ in queries]

    def _chunk(self, random: np.random.Generator) -> Floats:
        chunk = random.uniform(-1, 1, (self.conventions.chunk, len(AT_REST)))
        chunk[:, GRIPPER] = np.sign(chunk[:, GRIPPER])
        return chunk


@dataclass(frozen=True)
class Expert:
    """The scripted expert of `forkctl demos`: the simulator, which sees all, says what to do."""

    conventions: Conventions = field(default=Conventions((NEXT_ACTION,)))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "expert"}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield self

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return [Prediction(query.observation[NEXT_ACTION]) for query in queries]


@dataclass(frozen=True)
class Replay:
    """A demonstration's own actions, from where it began."""

    trials: Sequence[Trial]
    conventions: Conventions = field(default=Conventions(chunk=REPLAYED_AT_ONCE))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "replay"}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield self

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return [Prediction(next_actions(self.trials, query)) for query in queries]


def next_actions(trials: Sequence[Trial], query: Query) -> Floats:
    """What the demonstration of the query did next."""
    demo = next(trial.start.demo for trial in trials if trial.name == query.episode)
    assert demo is not None
    actions = demo.actions()[query.step : query.step + REPLAYED_AT_ONCE].astype(np.float64)
    if len(actions):
        return actions
    # the demonstration is over, and the task should be done
    return np.concatenate([AT_REST[:GRIPPER], demo.actions()[-1, GRIPPER:]])[None]
