"""Where to take hold: from above, with something between the fingers and nothing under them.

A grasp is tried at many points of the object and in many directions. The hand is three boxes, the
two open fingers and the palm, stretched upwards along the way they come down. For a bowl the best
grasps turn out to be at its rim, for a carton across its narrow side; neither is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forkctl.simulation.expert.solids import Array, Solids

# The hand around its grip site, fingers open: along the fingers' stroke, across it, and upwards.
FINGER_TIP = 0.012  # below the site
PALM_BOTTOM = 0.031  # above it
_SWEPT = 0.3
# Both fingers are one box where only the distance from the middle counts.
_FINGER = (np.array([0.039, -0.011, -FINGER_TIP]), np.array([0.062, 0.011, _SWEPT]))
_PALM = (np.array([-0.104, -0.032, PALM_BOTTOM]), np.array([0.104, 0.032, _SWEPT]))

_DEPTH = 0.017  # of the site below the top of what is between the fingers
_WIDEST = 0.072
_DIRECTIONS = 24
_SURROUNDINGS = 0.2
# How far from its base the arm is all but stretched out, and what a metre beyond that costs.
_COMFORTABLE, _FAR = 0.72, 0.5
_TIGHT = 0.004  # room that the way down needs: the hand is a few millimetres off its place


@dataclass(frozen=True)
class Grasp:
    """Where the grip site goes, and by how much the hand is turned about the vertical."""

    position: Array
    yaw: float
    width: float  # of what is between the fingers
    clearance: float
    score: float


def stroke(yaw: float) -> Array:
    """The direction in which the fingers of a hand that is turned so open."""
    return np.array([-np.sin(yaw), np.cos(yaw), 0.0])


@dataclass(frozen=True)
class Errand:
    """Where the arm reaches out from, and how far the item is to be moved, seen from above."""

    base: Array
    way: Array

    def cost(self, position: Array) -> float:
        """The hand has to get to the item, and with it to its place."""
        there = [position[:2], position[:2] + self.way[:2]]
        farthest = max(float(np.linalg.norm(place - self.base[:2])) for place in there)
        return _FAR * max(farthest - _COMFORTABLE, 0.0)


def find_grasp(item: Solids, around: Solids, errand: Errand, avoid: Sequence[Grasp] = ()) -> Grasp:
    """The best grasp of `item`; `avoid` are those that did not work."""
    points = item.points(0.004)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    obstacles = around.near(middle, _SURROUNDINGS).points(0.008)
    obstacles = obstacles[obstacles[:, 2] > points[:, 2].min()]
    grasps = [
        grasp
        for yaw in np.linspace(-np.pi / 2, np.pi / 2, _DIRECTIONS, endpoint=False)
        for place in [*item.centers, *_middle_and_ends(points, middle, float(yaw))]
        if (grasp := _grasp_at(place, float(yaw), points, errand)) is not None
        and not any(_same(grasp, other) for other in avoid)
    ]
    best = _from_above(points, middle)
    # what stands around can only make a grasp worse: most need not be looked at
    for grasp in sorted(grasps, key=lambda grasp: -grasp.score):
        if grasp.score <= best.score:
            break
        around_it = _clearance(_in_hand(obstacles, grasp.position, grasp.yaw))
        judged = _judged(replace(grasp, clearance=min(around_it, grasp.clearance)), errand)
        best = max(best, judged, key=lambda each: each.score)
    return best


def _middle_and_ends(points: Array, middle: Array, yaw: float) -> list[Array]:
    """Along the stroke: the ends of something round are where a wall is met at a right angle."""
    reach = (points - middle) @ stroke(yaw)
    return [middle + stroke(yaw) * at for at in (0.0, reach.min(), reach.max())]


def _from_above(points: Array, middle: Array) -> Grasp:
    """Where nothing fits: the middle of the item, and hope."""
    height = max(points[:, 2].max() - _DEPTH, points[:, 2].min() + FINGER_TIP)
    return Grasp(np.array([middle[0], middle[1], height]), 0.0, _WIDEST, -1.0, -1.0)


def _grasp_at(place: Array, yaw: float, points: Array, errand: Errand) -> Grasp | None:
    """The grasp around `place`, judged by the object alone."""
    for _ in range(2):  # the second time from nearer, where all of it is between the fingers
        along, across, up = _in_hand(points, place, yaw)
        between = (np.abs(along) < 0.037) & (np.abs(across) < 0.011)
        if not between.any():
            return None
        height = max(
            up[between].max() - _DEPTH, up.min() + FINGER_TIP, up.max() - PALM_BOTTOM + 0.003
        )
        held = between & (np.abs(up - height) < 0.01)
        if not held.any() or np.ptp(along[held]) > _WIDEST:
            return None
        # both fingers should touch at the same time, and with the middle of their pads
        shift = np.array([_middle(along[held]), _middle(across[held]), height])
        width, position = float(np.ptp(along[held])), place + _axes(yaw).T @ shift
        clearance = _clearance(np.stack([along, across, up]) - shift[:, None])
        place = position
    return _judged(Grasp(position, yaw, width, clearance, score=0.0), errand)


def _judged(grasp: Grasp, errand: Errand) -> Grasp:
    """Room for the fingers is good, up to a point. With too little of it the hand touches something
    on the way and grasps askew, and what is held askew is wide, and turns."""
    costs = 0.006 * abs(grasp.yaw) + 1.0 * grasp.width + errand.cost(grasp.position)
    room = min(grasp.clearance, 0.012) + 3.0 * min(grasp.clearance - _TIGHT, 0.0)
    return replace(grasp, score=room - costs)


def _in_hand(points: Array, place: Array, yaw: float) -> Array:
    """(3, N): along the stroke, across it, and upwards, from `place`."""
    inside: Array = _axes(yaw) @ (points - place).T
    return inside


def _axes(yaw: float) -> Array:
    along = stroke(yaw)
    return np.array([along, [along[1], -along[0], 0.0], [0.0, 0.0, 1.0]])


def _middle(values: Array) -> float:
    return float(values.min() + values.max()) / 2


def _clearance(points: Array) -> float:
    """How far the nearest of these points (3, N) is from the hand; negative: how deep inside."""
    if not points.size:
        return 1.0
    mirrored = np.stack([np.abs(points[0]), points[1], points[2]])
    return min(_distance(mirrored, *_FINGER), _distance(points, *_PALM))


def _distance(points: Array, low: Array, high: Array) -> float:
    """Of the nearest point from a box."""
    beyond = np.maximum(low[:, None] - points, points - high[:, None])
    outside = np.sqrt((np.maximum(beyond, 0.0) ** 2).sum(axis=0))
    inside = np.minimum(beyond.max(axis=0), 0.0)
    return float((outside + inside).min())


def _same(grasp: Grasp, other: Grasp) -> bool:
    near = float(np.linalg.norm(grasp.position - other.position)) < 0.012
    return near and abs(grasp.yaw - other.yaw) < 0.3
