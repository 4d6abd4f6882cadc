"""The two views of a scene: from the front of the table, and from the hand.

Both are stored upside down, as LIBERO stores them: row 0 is the bottom of the picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forkctl.libero.synth.paint import Canvas, grain
from forkctl.libero.synth.scene import GOAL_RADIUS, OBJECT_RADIUS, OBJECTS, TABLE_HEIGHT, Scene

Array = np.ndarray

WALL = (196, 186, 172)
WOOD = (168, 128, 92)
STEEL = (225, 222, 216)
DARK = (58, 54, 52)
SHADOW = (70, 52, 40)
ROBOT_BASE = np.array([-0.55, 0.0, 1.0])
HAND_LINK = 0.12  # from the fingertips up to the wrist

_HAND_FOCUS = 0.55  # eye-in-hand: half the picture's width over the distance to the table
_HAND_CAMERA_HEIGHT = 0.10
_HAND_CENTRE_ROW = 0.68  # where the point between the fingers is seen, from the top
_TEXTURE_METRES = 1.6
_TEXTURE_PIXELS = 512


def agentview(
    scene: Scene, position: Array, finger: Array, objects: Array, goal: Array, size: int
) -> Array:
    """(T, size, size, 3): a camera in front of the table that looks back at the robot."""
    count = len(position)
    canvas = Canvas(_agentview_background(size), count, size)

    def at(point: Array) -> Array:
        return project(np.broadcast_to(point, (count, 3)), size)

    unit = 1.3 * size  # pixels for a metre
    flat = np.array([0.62, 1.0]) * unit  # circles on the table are seen as ellipses
    canvas.disc(at(goal), GOAL_RADIUS * flat, scene.goal_colour)
    canvas.disc(at(goal), 0.7 * GOAL_RADIUS * flat, (225, 219, 208))
    below = position * [1, 1, 0] + np.array([0, 0, TABLE_HEIGHT])
    canvas.disc(at(below), 0.04 * flat, SHADOW, opacity=0.45)
    for index in range(OBJECTS):
        place = at(objects[:, index])
        canvas.disc(place, OBJECT_RADIUS * flat * [1.25, 1.0], scene.colours[index])
        canvas.disc(place - [0.012 * unit, 0], 0.7 * OBJECT_RADIUS * flat, DARK)
    wrist = position + np.array([0, 0, HAND_LINK])
    for along in np.linspace(0.0, 1.0, 9)[1:]:
        # an elbow: the links rise between base and wrist
        joint = ROBOT_BASE + along * (wrist - ROBOT_BASE) + [0, 0, 0.22 * np.sin(np.pi * along)]
        canvas.disc(at(joint), np.array([0.055, 0.05]) * unit, STEEL)
    canvas.box(at(position + np.array([0, 0, 0.075])), np.array([0.03, 0.045]) * unit, STEEL)
    for side in (-1.0, 1.0):
        tip = position + np.stack([0 * finger, side * (finger + 0.008), 0 * finger + 0.02], axis=1)
        canvas.box(at(tip), np.array([0.028, 0.008]) * unit, DARK)
    return canvas.frames()[:, ::-1]


def eye_in_hand(
    scene: Scene, position: Array, finger: Array, objects: Array, goal: Array, size: int
) -> Array:
    """(T, size, size, 3): a camera on the hand that looks down between the fingers."""
    count = len(position)
    height = position[:, 2] - TABLE_HEIGHT + _HAND_CAMERA_HEIGHT
    unit = _HAND_FOCUS * size / height  # pixels for a metre, at the table
    canvas = Canvas(_table_seen_from(position, unit, size), count, size)

    def at(point: Array) -> Array:
        away = np.broadcast_to(point, (count, 3)) - position
        centre = np.array([_HAND_CENTRE_ROW * size, size / 2])
        return centre + np.stack([-away[:, 0], away[:, 1]], axis=1) * unit[:, None]

    def round_(radius: float) -> Array:
        return np.minimum(radius * unit, size / 2 - 4)[:, None] * np.ones(2)

    canvas.disc(at(goal), round_(GOAL_RADIUS), scene.goal_colour)
    for index in range(OBJECTS):
        canvas.disc(at(objects[:, index]), round_(OBJECT_RADIUS), scene.colours[index])
        canvas.disc(at(objects[:, index]), round_(0.7 * OBJECT_RADIUS), DARK)
    for side in (-1.0, 1.0):
        across = size / 2 + side * (finger + 0.01) * 3.0 * size
        place = np.stack([np.full(count, 0.92 * size), across], axis=1)
        canvas.box(place, np.array([0.12, 0.045]) * size, DARK)
    return canvas.frames()[:, ::-1]


def project(point: Array, size: int) -> Array:
    """Row and column of world points in the upright front view: x nears the camera, z goes up."""
    x, y, z = np.moveaxis(point, -1, 0)
    row = 0.62 + 1.05 * x - 1.0 * (z - TABLE_HEIGHT)
    column = 0.5 + 1.3 * y * (1.0 + 0.4 * x)
    return np.stack([row, column], axis=-1) * size


@lru_cache(maxsize=4)
def _agentview_background(size: int) -> Array:
    """Wall above, table below, upright."""
    picture = grain(size, size, WOOD, seed=1, strength=0.05)
    horizon = int(0.16 * size)
    picture[:horizon] = grain(horizon, size, WALL, seed=2, strength=0.02)
    picture[horizon : horizon + max(size // 64, 1)] = DARK
    return picture


@lru_cache(maxsize=1)
def _table_texture() -> Array:
    return grain(_TEXTURE_PIXELS, _TEXTURE_PIXELS, WOOD, seed=3, strength=0.06)


def _table_seen_from(position: Array, unit: Array, size: int) -> Array:
    """The table under the hand, so that the picture slides as the hand moves."""
    texture = _table_texture()
    across = (np.arange(size) - size / 2) / unit[:, None]  # metres from the hand's point
    down = (np.arange(size) - _HAND_CENTRE_ROW * size) / unit[:, None]
    per_metre = _TEXTURE_PIXELS / _TEXTURE_METRES
    rows = ((down - position[:, 0, None]) * per_metre).astype(int) % _TEXTURE_PIXELS
    columns = ((across + position[:, 1, None]) * per_metre).astype(int) % _TEXTURE_PIXELS
    seen: Array = texture[rows[:, :, None], columns[:, None, :]]
    return seen
