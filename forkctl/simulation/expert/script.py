"""The order of things: over it, down, close, up, over the place, down, open, away.

After each stage the expert checks that the scene is as it should be, and starts over where it is
not: the object has moved, the way down is blocked, or the hand came up empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from forkctl.simulation.expert.goals import goal_of, place_for
from forkctl.simulation.expert.grasping import FINGER_TIP, Errand, Grasp, find_grasp
from forkctl.simulation.expert.moving import (
    CLOSE,
    OPEN,
    hand_position,
    over,
    towards,
    travel_height,
)
from forkctl.simulation.expert.solids import Array, solids_of, surroundings

_HOVER = 0.05  # above the grasp, before the way down
_LIFT = 0.04
# Where the item's bottom is when the hand opens: it is dropped onto an object, but set down in a
# region, which may lie on a slope that it would fall off.
_ABOVE_OBJECT, _IN_REGION = 0.012, -0.005
_HOLD_STEPS = 5
_ARRIVED, _NEARLY = 0.006, 0.012
_MOVED = 0.015
_STAGE_STEPS = 90
_STUCK_STEPS = 8
_AIMING_STEPS = 20  # an arm that is stretched out comes no nearer: down it goes
_CLOSING_STEPS = 12
_OPENING_STEPS = 6
_PATIENCE = 25


class Stuck(Exception):
    """A stage did not go as it should; its message says how."""


class Expert:
    """`actions()` yields one action at a time; step the simulation with it before the next."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self._goal = goal_of(env)

    def actions(self) -> Iterator[Array]:
        failed: list[Grasp] = []
        while True:
            grasp = self._choose(failed)
            try:
                yield from self._approach(grasp)
                yield from self._close(grasp)
                yield from self._lift(grasp)
            except Stuck:
                failed.append(grasp)
            else:
                yield from self._carry(grasp)
                yield from self._open(grasp)
            yield from self._back_off(grasp)

    def _choose(self, failed: list[Grasp]) -> Grasp:
        around = surroundings(self._env, but=self._goal.item)
        way = place_for(self._env, self._goal) - self._item_position()
        errand = Errand(np.array(self._env.robots[0].base_pos), way)
        return find_grasp(solids_of(self._env, self._goal.item), around, errand, failed)

    def _approach(self, grasp: Grasp) -> Iterator[Array]:
        """To above the grasp, then down to it."""
        env, item = self._env, self._item_position()
        around = surroundings(env, but=self._goal.item)
        above = grasp.position + np.array([0.0, 0.0, _HOVER])
        for _ in range(_STAGE_STEPS):
            here = hand_position(env)
            if np.linalg.norm(above[:2] - here[:2]) < _NEARLY:
                break
            height = travel_height(here, above, around, FINGER_TIP)
            yield towards(env, over(here, above, height), grasp.yaw, OPEN)
        yield from self._down(grasp.position.copy, grasp.yaw, OPEN, unmoved=item)

    def _down(
        self, goal_now: Callable[[], Array], yaw: float, gripper: float, unmoved: Array | None
    ) -> Iterator[Array]:
        """Straight down to a place; blocked is stuck, unless it is all but there."""
        env = self._env
        heights: list[float] = []  # since it has been above the place
        for step in range(_STAGE_STEPS):
            here, goal = hand_position(env), goal_now()
            if np.linalg.norm(goal - here) < _ARRIVED:
                return
            if unmoved is not None and np.linalg.norm(self._item_position() - unmoved) > _MOVED:
                raise Stuck("the object has moved")
            if np.linalg.norm(goal[:2] - here[:2]) > _NEARLY and step < _AIMING_STEPS:
                heights.clear()
                goal[2] = max(here[2], goal[2])
            heights.append(here[2])
            if len(heights) > _STUCK_STEPS and heights[-_STUCK_STEPS] - here[2] < 0.001:
                if np.linalg.norm(goal - here) < _NEARLY:
                    return
                raise Stuck("the way down is blocked")
            yield towards(env, goal, yaw, gripper)

    def _close(self, grasp: Grasp) -> Iterator[Array]:
        for _ in range(_CLOSING_STEPS):
            yield towards(self._env, grasp.position, grasp.yaw, CLOSE)

    def _lift(self, grasp: Grasp) -> Iterator[Array]:
        began, others = self._item_position()[2], self._heights_of_others()
        goal = hand_position(self._env) + np.array([0.0, 0.0, _LIFT])
        for _ in range(_STAGE_STEPS):
            if hand_position(self._env)[2] > goal[2] - _NEARLY:
                break
            yield towards(self._env, goal, grasp.yaw, CLOSE)
        if self._item_position()[2] - began < _LIFT / 3:
            raise Stuck("the hand came up empty")
        # a bowl may hang on to the ramekin that it stood on
        if (self._heights_of_others() - others).max(initial=0.0) > _LIFT / 3:
            yield from self._down(grasp.position.copy, grasp.yaw, CLOSE, unmoved=None)
            yield from self._open(grasp)
            raise Stuck("something came along")

    def _carry(self, grasp: Grasp) -> Iterator[Array]:
        """To above the place, then down until the item all but stands."""
        env, item = self._env, self._goal.item
        around = surroundings(env, but=item)
        for _ in range(_STAGE_STEPS):
            here, end = hand_position(env), self._release()
            if np.linalg.norm(end[:2] - here[:2]) < _NEARLY:
                break
            bottom = solids_of(env, item)
            hanging = here[2] - float((bottom.centers[:, 2] - bottom.reach[:, 2]).min())
            height = travel_height(here, end, around, hanging)
            yield towards(env, over(here, end, height), grasp.yaw, CLOSE)
        try:
            yield from self._down(self._release, grasp.yaw, CLOSE, unmoved=None)
        except Stuck:
            return  # it is standing on something: let go of it here

    def _release(self) -> Array:
        """Where the hand must be for the item to be over its place, held as it is now."""
        env, item = self._env, self._goal.item
        place, here = place_for(env, self._goal), hand_position(env)
        solids = solids_of(env, item)
        bottom = float((solids.centers[:, 2] - solids.reach[:, 2]).min())
        sideways = place[:2] + here[:2] - self._item_position()[:2]
        above = _ABOVE_OBJECT if self._goal.target in env.obj_body_id else _IN_REGION
        return np.array([*sideways, place[2] + above + here[2] - bottom])

    def _open(self, grasp: Grasp) -> Iterator[Array]:
        here = hand_position(self._env)
        for _ in range(_HOLD_STEPS if self._goal.target not in self._env.obj_body_id else 0):
            yield towards(self._env, here, grasp.yaw, CLOSE)
        for _ in range(_OPENING_STEPS):
            yield towards(self._env, here, grasp.yaw, OPEN)

    def _back_off(self, grasp: Grasp) -> Iterator[Array]:
        """Up and out of the way, and time for things to come to rest."""
        goal = hand_position(self._env) + np.array([0.0, 0.0, 2 * _HOVER])
        for _ in range(_PATIENCE):
            yield towards(self._env, goal, grasp.yaw, OPEN)

    def _heights_of_others(self) -> Array:
        bodies = [self._env.obj_body_id[name] for name in self._env.objects_dict]
        own = self._env.obj_body_id[self._goal.item]
        return np.array([self._env.sim.data.body_xpos[body][2] for body in bodies if body != own])

    def _item_position(self) -> Array:
        return np.array(self._env.sim.data.body_xpos[self._env.obj_body_id[self._goal.item]])
