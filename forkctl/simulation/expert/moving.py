"""Actions that bring the hand somewhere, over whatever stands in between."""

from __future__ import annotations

from typing import Any

import numpy as np

from forkctl.libero.units.rotations import axis_angle_from_matrix
from forkctl.simulation.expert.grasping import PALM_BOTTOM, stroke
from forkctl.simulation.expert.solids import Array, Solids

OPEN, CLOSE = -1.0, 1.0
# The largest actions of the published sets.
MOST_TRANSLATION, MOST_ROTATION = 0.9375, 0.375
# What an action of 1 asks of the controller: metres, radians.
_FULL_MOVE, _FULL_TURN = 0.05, 0.5
_GAIN = 2.2
_MARGIN = 0.02
_FINGERS, _PALM = 0.065, 0.105  # radius of what moves, at its height


def hand_position(env: Any) -> Array:
    return np.array(env.sim.data.site_xpos[env.robots[0].eef_site_id])


def towards(env: Any, position: Array, yaw: float, gripper: float) -> Array:
    """One action of a proportional controller."""
    robot = env.robots[0]
    frame = np.array(env.sim.data.site_xmat[robot.eef_site_id]).reshape(3, 3)
    turn = axis_angle_from_matrix(_pointing_down(yaw) @ frame.T)
    move = position - hand_position(env)
    return np.concatenate(
        [
            np.clip(_GAIN * move / _FULL_MOVE, -MOST_TRANSLATION, MOST_TRANSLATION),
            np.clip(_GAIN * turn / _FULL_TURN, -MOST_ROTATION, MOST_ROTATION),
            [gripper],
        ]
    )


def travel_height(start: Array, end: Array, around: Solids, hanging: float) -> float:
    """How high the grip site must be from here to there; `hanging` is how far below it what the
    hand holds, or its fingers, come."""
    fingers = _tallest(start, end, around, _FINGERS) + hanging
    palm = _tallest(start, end, around, _PALM) - PALM_BOTTOM
    return max(fingers, palm) + _MARGIN


def over(start: Array, end: Array, height: float) -> Array:
    """Where to go next on the way to above `end`: up first, sideways once it is high enough."""
    lacking = height - start[2]
    share = float(np.clip(1.0 - (lacking - 0.01) / 0.03, 0.0, 1.0))
    sideways = start[:2] + share * (end[:2] - start[:2])
    return np.array([sideways[0], sideways[1], max(height, end[2])])


def _tallest(start: Array, end: Array, around: Solids, radius: float) -> float:
    """The highest top within `radius` of the way."""
    way = end[:2] - start[:2]
    count = int(np.linalg.norm(way) / 0.02) + 2
    places = start[:2] + np.linspace(0.0, 1.0, count)[:, None] * way
    gap = np.abs(places[:, None] - around.centers[None, :, :2]) - around.reach[None, :, :2]
    met = (np.linalg.norm(np.maximum(gap, 0.0), axis=-1) < radius).any(axis=0)
    return float(around.tops[met].max()) if met.any() else -np.inf


def _pointing_down(yaw: float) -> Array:
    x, z = stroke(yaw), np.array([0.0, 0.0, -1.0])
    return np.stack([x, np.cross(z, x), z], axis=1)
