"""A world to act in without a simulator: the table of the synthetic demonstrations.

The arm answers as it does in them, and things stand as far from their places. An object that lies
between the fingers when these close goes where the hand goes. See forkctl.inside.world_worker.
"""

from __future__ import annotations

from typing import Any, Dict, Sequence

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.libero.schema import CAMERAS
from forkctl.libero.synth import arm
from forkctl.libero.synth.demo import scene_of_demo
from forkctl.libero.synth.scene import (
    GOAL_RADIUS,
    GRASP_HALF_WIDTH,
    OBJECT_HALF_HEIGHT,
    carry,
    goal_of,
    legs_of,
    rests,
    scene_for,
    task_number,
)
from forkctl.libero.synth.trajectories import beginning
from forkctl.libero.synth.view import OBJECT, PROPRIOCEPTION, View

Array = np.ndarray

INIT_STATES = 50
_SEED = 2**32 - 1  # no demonstration begins as an episode does here, whatever its seed
# How far the fingers may be from the middle of an object to close around it, in metres. Things
# stand up to 0.025 from their places both ways, so that a hand that does not look often misses.
REACH = 0.015
REACH_HEIGHT = 0.03
NOTHING = -1


def open_world(task: str, options: Dict[str, Any]) -> Tabletop:
    return Tabletop(task, options["image_size"])


class Tabletop:
    """One task. All arrays have a first axis of one: the arm moves batches of hands."""

    init_states = INIT_STATES

    def __init__(self, task: str, image_size: int = 128) -> None:
        self.versions = {"tabletop": "1", "numpy": np.__version__}
        self._scene = scene_for(task, legs_of(task))
        self._seeds = [_SEED, task_number(task)]
        self._image_size = image_size

    def reset(self, start: Dict[str, Any], seed: int) -> None:
        """Nothing falls or swings at the start, so there is nothing to settle."""
        if "model" in start:
            position, quaternion, objects, goal = scene_of_demo(start["model"], start["state"])
        else:
            rng = np.random.default_rng([*self._seeds, start["init_state"]])
            objects, goal, position, quaternion = beginning(self._scene, rng)
        self._arm = arm.start_state(position[None], quaternion[None])
        self._objects, self._goal = objects[None], goal[None]
        self._held = NOTHING

    def step(self, action: Array) -> bool:
        closes = action[6] > 0
        between = self._between_fingers()
        narrowest = 0.0 if between == NOTHING else GRASP_HALF_WIDTH
        new = arm.step(self._arm, np.asarray(action, dtype=float)[None], narrowest)
        if not closes:
            self._held = NOTHING
        elif new.finger[0] <= GRASP_HALF_WIDTH:
            self._held = between
        moved = new.position - self._arm.position
        self._objects = carry(self._objects, moved, np.array([self._held]), self._goal)
        self._arm = new
        return self._is_done()

    def observe(self, keys: Sequence[str]) -> Dict[str, Array]:
        known = (*PROPRIOCEPTION, OBJECT, *CAMERAS)
        if unknown := sorted(set(keys) - set(known)):
            raise ForkctlError(
                f"the tabletop has no {', '.join(unknown)}", hint=f"it has {', '.join(known)}"
            )
        state = self._arm
        now = View(state.position, state.quaternion, state.finger, self._objects, self._goal[0])
        return {key: now.observation(key, self._scene, self._image_size)[0] for key in keys}

    def close(self) -> None:
        pass

    def _between_fingers(self) -> int:
        """The object that the fingers hold, or would close around."""
        if self._held != NOTHING:
            return self._held
        if self._arm.finger[0] < GRASP_HALF_WIDTH:
            return NOTHING  # they are closed already
        tops = self._objects[0] + [0.0, 0.0, OBJECT_HALF_HEIGHT]
        away = self._arm.position[0] - tops
        sideways = np.linalg.norm(away[:, :2], axis=1)
        nearest = int(sideways.argmin())
        reached = sideways[nearest] < REACH and abs(away[nearest, 2]) < REACH_HEIGHT
        return nearest if reached else NOTHING

    def _is_done(self) -> bool:
        if self._held != NOTHING:
            return False
        lies = rests(self._objects, self._goal)[0]
        return all(
            lies[leg]
            and np.linalg.norm(self._objects[0, leg, :2] - goal_of(self._goal[0], leg)[:2])
            < GOAL_RADIUS
            for leg in range(self._scene.legs)
        )
