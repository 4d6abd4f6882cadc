"""Policies that need no checkpoint: the floors, and the ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from forkctl.evaluation.dimensions import GRIPPER, Floats
from forkctl.evaluation.openloop.pairs import AT_REST
from forkctl.evaluation.policies.policy import Conventions, Policy, Prediction, Query
from forkctl.evaluation.rollouts import channels
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.libero.files.reader import Demo
from forkctl.libero.units.conventions import Pose

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
    """Uniform over the range that controllers take, another action each step."""

    conventions: Conventions = field(default=Conventions(chunk=8))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "random"}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield self

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        random = np.random.default_rng(seed)
        return [Prediction(self._plan(random)) for _ in queries]

    def _plan(self, random: np.random.Generator) -> Floats:
        plan = random.uniform(-1, 1, (self.conventions.chunk, len(AT_REST)))
        plan[:, GRIPPER] = np.sign(plan[:, GRIPPER])
        return plan


@dataclass(frozen=True)
class Replay:
    """A demonstration's own actions, from where it began, by way of a fork's conventions."""

    trials: Sequence[Trial]
    through: str = "libero"
    fault: str | None = None

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "replay", "through": self.through, "fault": self.fault}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        channel, fault = channels.choose_channel(self.through, self.fault)
        demos = {trial.name: trial.start.demo for trial in self.trials}
        actions = [demo.actions() for demo in demos.values() if demo is not None]
        statistics = channels.measure(np.concatenate(actions).astype(np.float64))
        yield _Replaying(channel, fault, demos, statistics)


@dataclass(frozen=True)
class _Replaying:
    channel: channels.Channel
    fault: channels.Fault | None
    demos: Mapping[str, Demo | None]
    statistics: channels.Statistics

    @property
    def conventions(self) -> Conventions:
        return Conventions(
            observations=("ee_pos", "ee_ori"),  # of the first step, which files have no pose of
            chunk=REPLAYED_AT_ONCE,
            actions=self.channel.convention,
        )

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return [Prediction(self._plan(query)) for query in queries]

    def _plan(self, query: Query) -> Floats:
        demo = self.demos[query.episode]
        assert demo is not None
        actions = demo.actions()[query.step : query.step + REPLAYED_AT_ONCE].astype(np.float64)
        if not len(actions):  # it is over, and should have succeeded
            actions = np.concatenate([AT_REST[:GRIPPER], demo.actions()[-1, GRIPPER:]])[None]
        poses = [self._pose(demo, query, step) for step in range(len(actions))]
        before = Pose(
            np.stack([pose.position for pose in poses]),
            np.stack([pose.orientation for pose in poses]),
        )
        answer = self.channel.encode(actions, before, self.statistics)
        return answer if self.fault is None else self.fault(answer, self.statistics)

    def _pose(self, demo: Demo, query: Query, offset: int) -> Pose:
        """Where the demonstrator's hand was before that action, as its file says."""
        row = query.step + offset - demo.pairing().offset
        if not 0 <= row < demo.length:
            seen = query.observation
            return Pose(seen["ee_pos"][-1], seen["ee_ori"][-1])
        return Pose(demo.obs("ee_pos")[row], demo.obs("ee_ori")[row])
