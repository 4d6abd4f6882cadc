"""One episode: ask the policy, act, and ask again when its chunk of actions is used up.

Frames are rendered only if the policy will see them. It looks once per chunk, so with a history of
two and chunks of eight actions, six of eight steps need no frame.
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
from forkctl.evaluation.rollouts.remote_world import World
from forkctl.evaluation.rollouts.trials import Trial, seed_of
from forkctl.libero.schema import AGENTVIEW, CAMERAS
from forkctl.libero.units.conventions import Convention, Pose

POSE_KEYS = ("ee_pos", "ee_ori")
SUCCESS, FAILURE = "success", "failure"
POLICY_ERROR = "policy error"  # it gave no action: a failure of the policy
ERROR = "error"  # of the simulator: it says nothing of the policy

# takes each frame of AGENTVIEW, upside down as LIBERO stores it
OnFrame = Callable[[NDArray[Any]], None]


class BadAction(ForkctlError):
    """The policy answered with something that is not an action."""


@dataclass(frozen=True)
class Limits:
    max_steps: int
    horizon: int | None = None  # actions of a chunk to execute; None: as many as the policy says


@dataclass(frozen=True)
class Played:
    outcome: str  # SUCCESS or FAILURE
    steps: int
    queries: int


def play(
    world: World, policy: Policy, trial: Trial, limits: Limits, on_frame: OnFrame | None = None
) -> Played:
    """Until the task is done, or `max_steps` actions have been executed."""
    wants = policy.conventions
    convention = wants.actions
    eyes = _Eyes(wants, convention, on_frame)
    eyes.see(world.reset(trial, eyes.keys(0)))
    step = queries = 0
    while step < limits.max_steps:
        query = Query(trial.name, step, eyes.history(), trial.instruction)
        (answer,) = policy.predict([query], seed_of(trial.seed, step))
        queries += 1
        check_prediction(answer, wants.chunk, len(convention.dims))
        horizon = limits.horizon or wants.execute or wants.chunk
        chunk = answer.actions[: min(horizon, limits.max_steps - step)]
        final = step + len(chunk) == limits.max_steps  # the policy is not asked again
        for number, values in enumerate(chunk):
            left = None if final else len(chunk) - 1 - number
            action = _action(convention, values, eyes.pose)
            done, seen = world.step(action, eyes.keys(left))
            step += 1
            eyes.see(seen)
            if done:
                return Played(SUCCESS, step, queries)
    return Played(FAILURE, step, queries)


class _Eyes:
    """What was seen so far, as far back as the policy wants to look."""

    def __init__(
        self, wants: Conventions, convention: Convention, on_frame: OnFrame | None
    ) -> None:
        self.wants = wants
        self.on_frame = on_frame
        self.pose: Pose | None = None
        # absolute targets are decoded against the pose before each single action
        self._every_step = POSE_KEYS if convention.needs_pose else ()
        self._seen: deque[Observation] = deque(maxlen=wants.history)

    def keys(self, left: int | None) -> Sequence[str]:
        """What to look at now, with `left` actions to go before the policy is asked again, or None
        if it will not be."""
        keys = list(self._every_step)
        if left is not None and left < self.wants.history:
            keys += self.wants.observations
        if self.on_frame is not None:
            keys.append(AGENTVIEW)
        return tuple(dict.fromkeys(keys))

    def see(self, observation: Observation) -> None:
        if self._every_step:
            self.pose = Pose(observation["ee_pos"], observation["ee_ori"])
        if all(key in observation for key in self.wants.observations):
            self._seen.append({key: observation[key] for key in self.wants.observations})
        if self.on_frame is not None:
            self.on_frame(observation[AGENTVIEW])

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
            hint="check its statistics, and its input",
        )
    return np.clip(action, -1.0, 1.0)
