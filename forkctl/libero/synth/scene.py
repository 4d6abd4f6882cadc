"""What stands on the table: objects, where they go, and the colours they are drawn in.

A task's name decides its colours and the region in which its things stand; the demonstration's own
random numbers decide where exactly. So tasks look different and demonstrations of a task alike.
"""

from __future__ import annotations

import colorsys
import hashlib
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from forkctl.libero.suites import find_suite
from forkctl.libero.synth.paint import Colour

Array = np.ndarray

TABLE_HEIGHT = 0.90
OBJECT_RADIUS = 0.045
OBJECT_HALF_HEIGHT = 0.03
GRASP_HALF_WIDTH = 0.012  # half of what the fingers hold: the rim of a bowl
FALL = 0.02  # metres per step
GOAL_RADIUS = 0.075
WORKSPACE = np.array([[-0.16, 0.14], [-0.28, 0.28]])  # x and y, metres
MIN_DISTANCE = 0.14
OBJECTS = 3


@dataclass(frozen=True)
class Scene:
    """One task: nominal places of its objects and goal (x, y), and their colours."""

    task: str
    objects: Array  # (OBJECTS, 2); the first `legs` of them are carried, in this order
    goal: Array  # (2,)
    colours: Tuple[Colour, ...]
    goal_colour: Colour
    legs: int


def scene_for(task: str, legs: int) -> Scene:
    """The scene of a task: the same on every machine, whatever else is generated."""
    digest = hashlib.sha256(task.encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
    places = _apart(rng, OBJECTS + 1)
    hue = rng.uniform()
    # thirds of the hue circle, so that the carried object stands out from the others
    colours = tuple(_colour(hue + k / OBJECTS, 0.75, 0.85) for k in range(OBJECTS))
    goal_colour = _colour(hue + 0.5, 0.15, 0.97)
    return Scene(task, places[1:], places[0], colours, goal_colour, legs)


def legs_of(task: str) -> int:
    """How many objects are carried."""
    suite = find_suite(task)
    return 2 if suite is not None and suite.name == "libero_10" else 1


def task_number(task: str) -> int:
    """A number for the random seed; the same for a task wherever it stands in a list."""
    return int.from_bytes(task.encode()[-8:], "little")


def jitter(scene: Scene, rng: np.random.Generator) -> Tuple[Array, Array]:
    """Places of one demonstration: objects (OBJECTS, 3) and goal (3,), a few centimetres off."""
    objects = scene.objects + rng.uniform(-0.025, 0.025, scene.objects.shape)
    goal = scene.goal + rng.uniform(-0.015, 0.015, 2)
    rest = TABLE_HEIGHT + OBJECT_HALF_HEIGHT
    return (
        np.column_stack([objects, np.full(len(objects), rest)]),
        np.append(goal, TABLE_HEIGHT),
    )


def carry(objects: Array, moved: Array, held: Array, goal: Array) -> Array:
    """Move what is held with the hand; let what is not held rest."""
    in_hand = np.arange(OBJECTS)[None, :] == held[:, None]
    carried = objects + in_hand[..., None] * moved[:, None, :]
    height = np.where(
        in_hand, carried[..., 2], np.maximum(_rest(carried, goal), carried[..., 2] - FALL)
    )
    return np.concatenate([carried[..., :2], height[..., None]], axis=-1)


def rests(objects: Array, goal: Array) -> Array:
    """Which objects lie on the table, or on the goal."""
    lie: Array = objects[..., 2] <= _rest(objects, goal) + 1e-9
    return lie


def _rest(objects: Array, goal: Array) -> Array:
    """How high the middle of each object is when it has come to rest where it is."""
    on_goal = np.linalg.norm(objects[..., :2] - goal[..., None, :2], axis=-1) < 2 * GOAL_RADIUS
    height: Array = TABLE_HEIGHT + OBJECT_HALF_HEIGHT + 0.01 * on_goal
    return height


def goal_of(goal: Array, leg: int) -> Array:
    """Where the object of this leg belongs: the second goes beside the first."""
    place: Array = goal + np.array([0.0, GOAL_RADIUS * leg, 0.0])
    return place


def _apart(rng: np.random.Generator, count: int) -> Array:
    """`count` places, no two nearer than MIN_DISTANCE."""
    places: List[Array] = []
    while len(places) < count:
        place = rng.uniform(WORKSPACE[:, 0], WORKSPACE[:, 1])
        if all(np.linalg.norm(place - other) > MIN_DISTANCE for other in places):
            places.append(place)
    return np.array(places)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return (int(255 * red), int(255 * green), int(255 * blue))
