"""Where the expert takes hold and how high it travels, on solids made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forkctl.simulation.expert.grasping import Errand, find_grasp, stroke
from forkctl.simulation.expert.moving import over, travel_height
from forkctl.simulation.expert.solids import Array, Solids

BASE = np.array([-0.66, 0.0, 0.9])
STAYS = Errand(BASE, np.zeros(3))


def boxes(*each: tuple[tuple[float, ...], tuple[float, ...], float]) -> Solids:
    """(centre, half sizes, yaw) each."""
    centers = np.array([center for center, _, _ in each]).reshape(-1, 3)
    halves = np.array([half for _, half, _ in each]).reshape(-1, 3)
    return Solids(centers, np.array([turned(yaw) for _, _, yaw in each]).reshape(-1, 3, 3), halves)


def turned(yaw: float) -> Array:
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def bowl(x: float, y: float, radius: float = 0.05) -> Solids:
    """A ring of upright walls on a floor."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    walls = [
        ((x + radius * np.cos(a), y + radius * np.sin(a), 0.93), (0.0015, 0.0105, 0.025), float(a))
        for a in angles
    ]
    return boxes(*walls, ((x, y, 0.905), (0.03, 0.03, 0.003), 0.0))


NOTHING = boxes()


def test_a_bowl_is_taken_by_its_rim_with_one_finger_inside() -> None:
    grasp = find_grasp(bowl(0.0, 0.0), NOTHING, STAYS)
    outwards = grasp.position[:2] / np.linalg.norm(grasp.position[:2])
    assert np.linalg.norm(grasp.position[:2]) == pytest.approx(0.05, abs=0.004)
    assert abs(outwards @ stroke(grasp.yaw)[:2]) > 0.98
    assert 0.93 < grasp.position[2] < 0.95


def test_a_carton_is_taken_across_its_narrow_side() -> None:
    for yaw in (0.0, 0.5, 1.2):
        grasp = find_grasp(boxes(((0.0, 0.0, 0.93), (0.05, 0.02, 0.03), yaw)), NOTHING, STAYS)
        narrow = turned(yaw)[:, 1]
        assert abs(narrow @ stroke(grasp.yaw)) > 0.95
        assert np.linalg.norm(grasp.position[:2]) < 0.05


def test_a_thin_neck_is_met_with_the_middle_of_the_pads() -> None:
    bottle = boxes(
        ((0.0, 0.0, 0.935), (0.015, 0.015, 0.035), 0.0),
        ((0.0, 0.017, 0.935), (0.01, 0.002, 0.03), 0.0),
        ((0.0, 0.0, 1.0), (0.005, 0.005, 0.055), 0.0),
    )
    grasp = find_grasp(bottle, NOTHING, STAYS)
    assert np.linalg.norm(grasp.position[:2]) < 0.002


def test_fingers_stay_clear_of_what_stands_beside() -> None:
    free = find_grasp(bowl(0.0, 0.0), NOTHING, STAYS)
    wall = boxes(((free.position[0], free.position[1] * 1.4, 0.96), (0.1, 0.01, 0.06), 0.0))
    grasp = find_grasp(bowl(0.0, 0.0), wall, STAYS)
    assert free.clearance > 0.0 and grasp.clearance > 0.0
    assert np.linalg.norm(grasp.position - free.position) > 0.02


def test_the_side_within_reach_is_taken_when_the_place_is_far() -> None:
    to_the_left = Errand(BASE, np.array([0.1, 0.25, 0.0]))
    to_the_right = Errand(BASE, np.array([0.1, -0.25, 0.0]))
    assert find_grasp(bowl(0.0, 0.0), NOTHING, to_the_left).position[1] < -0.01
    assert find_grasp(bowl(0.0, 0.0), NOTHING, to_the_right).position[1] > 0.01


def test_a_grasp_that_failed_is_not_tried_again() -> None:
    first = find_grasp(bowl(0.0, 0.0), NOTHING, STAYS)
    second = find_grasp(bowl(0.0, 0.0), NOTHING, STAYS, [first])
    assert np.linalg.norm(first.position - second.position) > 0.012


def test_what_fits_no_hand_is_still_gone_for() -> None:
    slab = boxes(((0.0, 0.0, 0.95), (0.1, 0.1, 0.05), 0.0))
    assert find_grasp(slab, NOTHING, STAYS).clearance < 0


def test_the_hand_travels_over_what_stands_on_its_way_and_only_that() -> None:
    tower = boxes(((0.2, 0.0, 1.0), (0.03, 0.03, 0.1), 0.0))
    here, there, aside = np.array([0, 0, 1.0]), np.array([0.4, 0, 1.0]), np.array([0, 0.3, 1.0])
    assert travel_height(here, there, tower, hanging=0.05) > 1.1 + 0.05
    assert travel_height(here, aside, tower, hanging=0.05) < 1.0


def test_the_palm_counts_at_its_own_height() -> None:
    """9 cm beside the way: the fingers pass it, the palm must be above it."""
    beside = boxes(((0.1, 0.12, 1.0), (0.03, 0.03, 0.1), 0.0))
    height = travel_height(np.array([0, 0, 1.0]), np.array([0.2, 0, 1.0]), beside, hanging=0.05)
    assert 1.07 < height < 1.1 + 0.02


def test_up_comes_before_sideways() -> None:
    here, there = np.array([0.0, 0.0, 1.0]), np.array([0.2, 0.0, 0.95])
    assert over(here, there, 1.1) == pytest.approx([0.0, 0.0, 1.1])
    assert over(np.array([0.0, 0.0, 1.1]), there, 1.1) == pytest.approx([0.2, 0.0, 1.1])
