"""Where to take hold: from above, with something between the fingers and nothing under them.

A grasp is tried at many points of the object and in many directions. The hand is three boxes, the
two open fingers and the palm, drawn out upwards along the way they come down. For a bowl the best
grasps are at its rim, for a carton across its narrow side, without either being known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forkctl.simulation.expert.solids import Array, Solids

# The hand around its grip site, fingers open: along the fingers' stroke, across it, and upwards.
FINGER_TIP = 0.012  # below the site
PALM_BOTTOM = 0.031  # above it
_SWEPT = 0.3
_LEFT = (np.array([0.039, -0.011, -FINGER_TIP]), np.array([0.062, 0.011, _SWEPT]))
_RIGHT = (np.array([-0.062, -0.011, -FINGER_TIP]), np.array([-0.039, 0.011, _SWEPT]))
_PALM = (np.array([-0.104, -0.032, PALM_BOTTOM]), np.array([0.104, 0.032, _SWEPT]))

_DEPTH = 0.017  # of the site below the top of what is between the fingers
_WIDEST = 0.072
_DIRECTIONS = 24
_SURROUNDINGS = 0.2


@dataclass(frozen=True)
class Grasp:
    """Where the grip site goes, and by how much the hand is turned about the vertical."""

    position: Array
    yaw: float
    score: float


def stroke(yaw: float) -> Array:
    """The direction in which the fingers of a hand that is turned so open."""
    return np.array([-np.sin(yaw), np.cos(yaw), 0.0])


def find_grasp(item: Solids, around: Solids, base: Array, avoid: Sequence[Grasp] = ()) -> Grasp:
    """The best grasp of `item`; `avoid` are those that did not work."""
    points = item.points(0.004)
    obstacles = around.near(item.centers.mean(axis=0), _SURROUNDINGS).points(0.008)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    places = np.concatenate([item.centers, middle[None]])
    grasps = []
    for yaw in np.linspace(-np.pi / 2, np.pi / 2, _DIRECTIONS, endpoint=False):
        for place in places:
            grasp = _grasp_at(place, float(yaw), points, obstacles, base, avoid)
            if grasp is not None:
                grasps.append(grasp)
    if not grasps:  # nothing fits: from above at its middle, and hope
        height = max(points[:, 2].max() - _DEPTH, points[:, 2].min() + FINGER_TIP)
        return Grasp(np.array([middle[0], middle[1], height]), 0.0, -1.0)
    return max(grasps, key=lambda grasp: grasp.score)


def _grasp_at(
    place: Array, yaw: float, points: Array, obstacles: Array, base: Array, avoid: Sequence[Grasp]
) -> Grasp | None:
    own = _in_hand(points, place, yaw)
    between = (np.abs(own[:, 0]) < 0.037) & (np.abs(own[:, 1]) < 0.011)
    if not between.any():
        return None
    top, bottom = own[between, 2].max(), own[:, 2].min()
    height = max(top - _DEPTH, bottom + FINGER_TIP, own[:, 2].max() - PALM_BOTTOM + 0.003)
    held = own[between & (np.abs(own[:, 2] - height) < 0.01)]
    if not len(held):
        return None
    low, high = held[:, 0].min(), held[:, 0].max()
    if high - low > _WIDEST:
        return None
    shift = (low + high) / 2  # both fingers should touch at the same time
    site = np.array([shift, 0.0, height])
    clearance = min(_clearance(own - site), _clearance(_in_hand(obstacles, place, yaw) - site))
    position = place + stroke(yaw) * shift + np.array([0.0, 0.0, height])
    if any(_same(position, yaw, other) for other in avoid):
        return None
    reach = float(np.linalg.norm(position[:2] - base[:2]))
    score = min(clearance, 0.012) - 0.006 * abs(yaw) - 0.01 * reach
    return Grasp(position, yaw, score)


def _in_hand(points: Array, place: Array, yaw: float) -> Array:
    """Coordinates along the stroke, across it, and upwards, from `place`."""
    along = stroke(yaw)
    across = np.array([along[1], -along[0], 0.0])
    return (points - place) @ np.stack([along, across, [0.0, 0.0, 1.0]], axis=1)


def _clearance(points: Array) -> float:
    """How far the nearest point is from the hand; negative: how deep it is inside."""
    if not len(points):
        return 1.0
    nearest = 1.0
    for low, high in (_LEFT, _RIGHT, _PALM):
        outside = np.maximum(np.maximum(low - points, points - high), 0.0)
        distance = np.linalg.norm(outside, axis=1)
        depth = np.minimum(points - low, high - points).min(axis=1)
        nearest = min(nearest, float(np.where(distance > 0, distance, -depth).min()))
    return nearest


def _same(position: Array, yaw: float, other: Grasp) -> bool:
    near = float(np.linalg.norm(position - other.position)) < 0.012
    return near and abs(yaw - other.yaw) < 0.3
