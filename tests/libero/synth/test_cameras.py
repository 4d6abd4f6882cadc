"""What is drawn is where the scene says, upside down, and moves as it should."""

from __future__ import annotations

import numpy as np
import pytest

from forkctl.libero.synth import cameras
from forkctl.libero.synth.scene import OBJECTS, TABLE_HEIGHT, scene_for

SIZE = 128
SCENE = scene_for("a task", 1)
GOAL = np.array([0.1, 0.2, TABLE_HEIGHT])


def things(first: tuple[float, float]) -> np.ndarray:
    """Objects of one frame: the first where it is said, the others out of the way."""
    others = [[-0.1, -0.25, TABLE_HEIGHT]] * (OBJECTS - 1)
    return np.array([[[*first, TABLE_HEIGHT + 0.03], *others]])


def coloured(frame: np.ndarray, colour: tuple[int, ...]) -> np.ndarray:
    """Centre (row, column) of the pixels of a colour, in the upright picture."""
    upright = frame[::-1].astype(int)
    rows, columns = np.nonzero((np.abs(upright - colour) < 12).all(axis=-1))
    assert len(rows), "the colour is not in the picture"
    return np.array([rows.mean(), columns.mean()])


@pytest.mark.parametrize("place", [(-0.1, -0.1), (0.05, 0.1), (0.1, 0.0)])
def test_an_object_is_seen_where_it_is(place: tuple[float, float]) -> None:
    hand = np.array([[-0.25, 0.3, 1.2]])
    frames = cameras.agentview(SCENE, hand, np.array([0.04]), things(place), GOAL, SIZE)
    expected = cameras.project(things(place)[0, 0], SIZE)
    assert np.abs(coloured(frames[0], SCENE.colours[0]) - expected).max() < 4


def test_the_hand_camera_sees_an_object_nearer_as_the_hand_comes() -> None:
    place = (0.0, 0.1)
    far, near = (
        cameras.eye_in_hand(
            SCENE, np.array([[0.0, y, 1.05]]), np.array([0.04]), things(place), GOAL, SIZE
        )[0]
        for y in (0.0, 0.08)
    )
    centre = SIZE / 2
    assert abs(coloured(near, SCENE.colours[0])[1] - centre) + 5 < abs(
        coloured(far, SCENE.colours[0])[1] - centre
    )


def test_fingers_close_in_the_picture() -> None:
    hand, scene = np.array([[0.0, 0.0, 1.1]] * 2), things((0.1, 0.25)).repeat(2, axis=0)
    frames = cameras.eye_in_hand(SCENE, hand, np.array([0.04, 0.001]), scene, GOAL, SIZE)
    bottom = frames[:, 2].astype(int)  # stored upside down: the first rows are the bottom
    dark = (np.abs(bottom - np.array(cameras.DARK)) < 12).all(axis=-1)
    spread = [np.ptp(np.flatnonzero(row)) for row in dark]
    assert spread[1] < spread[0] - 10
