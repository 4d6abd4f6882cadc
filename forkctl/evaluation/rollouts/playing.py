"""One episode: ask the policy, act, and ask again when its plan is used up.

Frames are rendered only when the policy will see them. It looks once a plan, so with a history of
two and a plan of eight actions, six of eight steps need no frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forkctl.errors import ForkctlError
from forkctl.evaluation.dimensions import Floats
from forkctl.evaluation.policies.policy import (
    Conventions,
    Observation,
    Policy,
    Query,
    check_prediction,
)
from forkctl.evaluation.rollouts.trials import Trial, seed_of
from forkctl.evaluation.rollouts.world import World
from forkctl.libero.schema import AGENTVIEW, CAMERAS
from forkctl.libero.units.conventions import Convention, Pose

POSE_KEYS = ("ee_pos", "ee_ori")
SUCCESS, FAILURE, ERROR = "success", "failure", "error"

# is shown each frame of AGENTVIEW, upside down as LIBERO stores it
Camera = Callable[[NDArray[Any]], None]


class BadAction(ForkctlError):
    """The policy answered with something that no robot can do."""


@dataclass(frozen=True)
class Limits:
    max_steps: int
    horizon: int | None = None  # actions of a plan that are executed; None for the policy's wish


@dataclass(frozen=True)
class Played:
    outcome: str  # SUCCESS or FAILURE
    steps: int
    queries: int


def play(
    world: World, policy: Policy, trial: Trial, limits: Limits, camera: Camera | None = None
) -> Played:
    """Until the task is done, or `max_steps` actions were executed."""
    wants = policy.conventions
    convention = wants.actions
    eyes = _Eyes(wants, convention, camera)
    eyes.see(world.reset(trial, eyes.keys(0)))
    step = queries = 0
    while step < limits.max_steps:
        query = Query(trial.name, step, eyes.history(), trial.instruction)
        (answer,) = policy.predict([query], seed_of(trial.seed, step))
        queries += 1
        check_prediction(answer, wants.chunk, len(convention.dims))
        asked_for = limits.horizon or wants.execute or wants.chunk
        plan = answer.actions[: min(asked_for, limits.max_steps - step)]
        final = step + len(plan) == limits.max_steps  # the policy is not asked again
        for number, values in enumerate(plan):
            left = None if final else len(plan) - 1 - number
            action = _action(convention, values, eyes.pose)
            done, seen = world.step(action, eyes.keys(left))
            step += 1
            eyes.see(seen)
            if done:
                return Played(SUCCESS, step, queries)
    return Played(FAILURE, step, queries)


class _Eyes:
    """What was seen so far, as far back as the policy wants to look."""

    def __init__(self, wants: Conventions, convention: Convention, camera: Camera | None) -> None:
        self.wants = wants
        self.camera = camera
        self.pose: Pose | None = None
        # A convention of absolute targets is decoded against the pose before each single action.
        self._every_step = POSE_KEYS if convention.needs_pose else ()
        self._seen: deque[Observation] = deque(maxlen=wants.history)

    def keys(self, left: int | None) -> Sequence[str]:
        """What to look at now, with `left` actions to go before the policy is asked again; None
        for when it is not asked again."""
        keys = list(self._every_step)
        if left is not None and left < self.wants.history:
            keys += self.wants.observations
        if self.camera is not None:
            keys.append(AGENTVIEW)
        return tuple(dict.fromkeys(keys))

    def see(self, observation: Observation) -> None:
        if self._every_step:
            self.pose = Pose(observation["ee_pos"], observation["ee_ori"])
        if all(key in observation for key in self.wants.observations):
            self._seen.append({key: observation[key] for key in self.wants.observations})
        if self.camera is not None:
            self.camera(observation[AGENTVIEW])

    def history(self) -> Observation:
        """Each array as (history, ...); before the start the first observation repeats."""
        missing = self.wants.history - len(self._seen)
        seen = [self._seen[0]] * missing + list(self._seen)
        stacked = {key: np.stack([each[key] for each in seen]) for key in self.wants.observations}
        if self.wants.rotate_images:
            for key in set(stacked) & set(CAMERAS):
                stacked[key] = np.ascontiguousarray(stacked[key][:, ::-1, ::-1])
        return stacked


def _action(convention: Convention, values: Floats, pose: Pose | None) -> Floats:
    action: Floats = convention.decode(values, pose)
    if not np.isfinite(action).all():
        raise BadAction(
            "the policy answered with numbers that are not finite",
            hint="look at its statistics and at what it was given",
        )
    return np.clip(action, -1.0, 1.0)
