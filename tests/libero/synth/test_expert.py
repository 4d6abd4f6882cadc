"""The motion makes sense: the arm answers as measured, and the object gets to its goal."""

from __future__ import annotations

import numpy as np
import pytest

from forkctl.libero.schema import PUBLISHED_LAYOUTS
from forkctl.libero.suites import SUITES
from forkctl.libero.synth import arm
from forkctl.libero.synth.demo import make_demo
from forkctl.libero.synth.scene import GOAL_RADIUS, scene_for
from forkctl.libero.synth.trajectories import Style, Trajectories, make_trajectories
from forkctl.libero.units.rotations import matrix_from_axis_angle

TASK = SUITES["libero_spatial"].tasks[0]
SEEDS = [[0, 0, number] for number in range(12)]


@pytest.fixture(scope="module")
def trajectories() -> Trajectories:
    return make_trajectories(scene_for(TASK, 1), SEEDS, Style(), 220)


def test_a_constant_command_is_followed_by_a_tenth_and_then_a_quarter() -> None:
    state = arm.start_state(np.zeros((1, 3)), np.array([[0.0, 0.0, 0.0, 1.0]]))
    command = np.array([[0.4, 0, 0, 0, 0, 0.2, -1.0]])
    moved, turned = [], []
    for _ in range(30):
        new = arm.step(state, command, 0.01)
        moved.append((new.position - state.position)[0, 0] / (0.4 * 0.05))
        turned.append(new.angular[0, 2] / (0.2 * 0.5))
        state = new
    assert moved[0] == pytest.approx(0.10) and turned[0] == pytest.approx(0.10)
    assert moved[-1] == pytest.approx(0.25, rel=1e-3) and turned[-1] == pytest.approx(
        0.25, rel=1e-3
    )
    assert moved == sorted(moved)


def test_rotations_turn_in_the_base_frame() -> None:
    """R_goal = exp(d) R, as LIBERO's controller composes them."""
    rng = np.random.default_rng(0)
    start, turn = rng.normal(0, 1, (5, 3)), rng.normal(0, 0.3, (5, 3))
    composed = arm.multiply(arm.from_rotation_vector(turn), arm.from_rotation_vector(start))
    found = matrix_from_axis_angle(arm.to_rotation_vector(composed))
    expected = matrix_from_axis_angle(turn) @ matrix_from_axis_angle(start)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_every_object_ends_on_its_goal(trajectories: Trajectories) -> None:
    everyone = np.arange(len(SEEDS))
    end = trajectories.objects[everyone, trajectories.length, 0, :2]
    assert np.linalg.norm(end - trajectories.goal[:, :2], axis=1).max() < GOAL_RADIUS
    begin = trajectories.objects[:, 0, 0, :2]
    assert np.linalg.norm(begin - trajectories.goal[:, :2], axis=1).min() > GOAL_RADIUS


def test_objects_move_only_in_a_closed_hand(trajectories: Trajectories) -> None:
    moved = np.linalg.norm(np.diff(trajectories.objects[:, :, 0], axis=1), axis=-1) > 0.001
    sideways = np.linalg.norm(np.diff(trajectories.objects[:, :, 0, :2], axis=1), axis=-1) > 1e-4
    closed = trajectories.action[:, :, 6] > 0
    assert moved.any(axis=1).all()
    assert not (sideways & ~closed).any()


def test_actions_are_what_the_device_can_say(trajectories: Trajectories) -> None:
    actions = np.concatenate(
        [trajectories.action[k, :length] for k, length in enumerate(trajectories.length)]
    )
    limit = np.array([0.9375] * 3 + [0.375] * 3)
    levels = actions[:, :6] / limit * 350
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-9)
    assert (np.abs(levels) <= 350).all()
    assert set(np.unique(actions[:, 6])) == {-1.0, 1.0}


def test_spread_is_of_the_order_of_the_published_statistics() -> None:
    """libero_spatial, published: std of x, y, z 0.41, 0.35, 0.51; mean length 122.6."""
    parts, lengths = [], []
    for number, task in enumerate(SUITES["libero_spatial"].tasks):
        found = make_trajectories(
            scene_for(task, 1), [[0, number, k] for k in range(5)], Style(0.85), 220
        )
        parts += [found.action[k, :length] for k, length in enumerate(found.length)]
        lengths += list(found.length)
    std = np.concatenate(parts).std(axis=0)
    assert ((std[:3] > 0.2) & (std[:3] < 0.8)).all()
    assert ((std[3:6] > 0.01) & (std[3:6] < 0.15)).all()
    assert 80 < np.mean(lengths) < 180
    assert max(lengths) < 220


def test_a_demo_is_the_same_whatever_else_is_made(trajectories: Trajectories) -> None:
    alone = make_trajectories(scene_for(TASK, 1), [SEEDS[7]], Style(), 220)
    length = int(alone.length[0])
    assert length == trajectories.length[7]
    np.testing.assert_array_equal(alone.action[0, :length], trajectories.action[7, :length])


def test_timing_is_that_of_the_layout(trajectories: Trajectories) -> None:
    scene = scene_for(TASK, 1)
    raw, aligned = (
        make_demo("demo_0", trajectories, 3, scene, layout, None).datasets
        for layout in PUBLISHED_LAYOUTS
    )
    np.testing.assert_array_equal(raw["obs/joint_states"][:-1], raw["states"][1:, 1:8])
    np.testing.assert_array_equal(aligned["obs/joint_states"], aligned["states"][:, 1:8])
    np.testing.assert_array_equal(raw["obs/ee_pos"][:-1], aligned["obs/ee_pos"][1:])


def test_without_pauses_no_step_is_still() -> None:
    found = make_trajectories(scene_for(TASK, 1), SEEDS, Style(pauses=False), 220)
    for k, length in enumerate(found.length):
        assert np.linalg.norm(found.action[k, :length, :6], axis=1).min() > 1e-4
