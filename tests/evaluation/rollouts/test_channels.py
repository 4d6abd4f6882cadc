"""What a perfect policy of each fork would answer, and that each mistake is one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import channels
from benchmarks.channels import ReplayThrough
from forkctl.evaluation.policies.policy import Query
from forkctl.evaluation.rollouts.baselines import Replay
from forkctl.evaluation.rollouts.trials import trials_from_demos
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.units.conventions import Pose

RANDOM = np.random.default_rng(0)
COUNT = 400
MISTAKES = [
    (name, mistake) for name, each in channels.CHANNELS.items() for mistake in each.mistakes
]


def actions() -> np.ndarray:
    found = np.clip(RANDOM.normal(0, [0.4] * 3 + [0.06] * 3 + [1], (COUNT, 7)), -0.9375, 0.9375)
    found[:, 6] = np.sign(found[:, 6])
    return found


ACTIONS = actions()
POSE = Pose(
    channels.ROBOT_BASE + RANDOM.uniform([0.3, -0.3, 0.0], [0.7, 0.3, 0.5], (COUNT, 3)),
    RANDOM.normal(0, 1, (COUNT, 3)),
)
RANGES = channels.ranges_of(ACTIONS)


def through(name: str, mistake: str | None = None) -> np.ndarray:
    """There and back, as an evaluation decodes it."""
    channel = channels.CHANNELS[name]
    answer = channel.encode(ACTIONS, POSE, RANGES)
    if mistake is not None:
        answer = channel.mistakes[mistake](answer, RANGES)
    return channel.convention.decode(answer, POSE)


@pytest.mark.parametrize(
    ("name", "move", "turn"),
    [  # the largest error, in units of the controller (0.05 m, 0.5 rad)
        ("libero", 0, 0),
        ("openvla-bounds", 0.0037, 0.001),
        ("robomimic", 1e-6, 1e-6),
        ("rdt-delta", 0.004, 0.01),
        ("rdt-velocity", 0.004, 0.004),
        ("rdt-absolute", 0.05, 0.02),
    ],
)
def test_the_right_way_costs_no_more_than_its_rounding(name, move, turn):
    error = np.abs(through(name) - ACTIONS)
    assert error[:, :3].max() <= move
    assert error[:, 3:6].max() <= turn
    assert (np.sign(through(name)[:, 6]) == ACTIONS[:, 6]).all()


def test_openvla_rounds_within_its_quantiles_and_clips_beyond_them():
    back = through("openvla")
    low, high = RANGES.q01[:6], RANGES.q99[:6]
    clipped = np.clip(ACTIONS[:, :6], low, high)
    assert (np.abs(back[:, :6] - clipped) <= (high - low) / 255 / 2 + 1e-6).all()
    assert (np.sign(back[:, 6]) == ACTIONS[:, 6]).all()


def test_positions_from_the_worlds_origin_would_lose_millimetres():
    """Why training subtracts the robot's base."""
    convention = channels.CHANNELS["rdt-absolute"].convention
    target = channels._bfloat16(convention.encode(ACTIONS, POSE))
    from_origin = np.abs(convention.decode(target, POSE) - ACTIONS)[:, :3].max()
    assert from_origin > np.abs(through("rdt-absolute") - ACTIONS)[:, :3].max()


def test_bfloat16_rounds_to_the_nearest_even():
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-7, -0.912, 3.14159265])
    rounded = channels._bfloat16(values)
    assert rounded.tolist() == [1.0, 1.0, 1 + 2**-6, 1 + 2**-7, -0.91015625, 3.140625]


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_a_mistake_spoils_what_it_is_called_after(name, mistake):
    wrong, right = through(name, mistake), through(name)
    if mistake == "gripper-sign":
        assert (np.sign(wrong[:, 6]) == -ACTIONS[:, 6]).all()
        assert (wrong[:, :6] == right[:, :6]).all()
    else:
        assert (np.sign(wrong[:, 6]) == ACTIONS[:, 6]).all()
        assert np.median(np.abs(wrong - right)[:, :6], axis=0).max() > 0.05


@pytest.mark.parametrize("name", ["libero", "rdt-absolute"])
def test_a_replay_answers_with_the_recorded_actions_from_the_recorded_poses(demos, name):
    """Raw files hold each pose one step late: an error of one step would show here."""
    (path, *_) = sorted(demos.rglob("*.hdf5"))
    task = open_demo_file(path).task
    trials = trials_from_demos(path, [task], 2, seed=0)
    demo = trials[1].start.demo
    start = {"ee_pos": demo.obs("ee_pos")[:1], "ee_ori": demo.obs("ee_ori")[:1]}
    with ReplayThrough(trials, name).open() as policy:
        queries = [Query(trials[1].name, step, start, "") for step in (8, demo.length - 3)]
        middle, end = policy.predict(queries, seed=0)
    assert middle.actions.shape[0] == 8
    assert end.actions.shape[0] == 3
    poses = Pose(demo.obs("ee_pos")[7:15], demo.obs("ee_ori")[7:15])
    back = policy.conventions.actions.decode(middle.actions, poses)
    assert back == pytest.approx(demo.actions()[8:16], abs=0.06)


def test_a_replay_that_is_over_stands_still_with_the_hand_as_it_was(demos):
    (path, *_) = sorted(demos.rglob("*.hdf5"))
    trials = trials_from_demos(path, [open_demo_file(path).task], 1, seed=0)
    demo = trials[0].start.demo
    seen = {"ee_pos": np.zeros((1, 3)), "ee_ori": np.zeros((1, 3))}
    with Replay(trials).open() as policy:
        (answer,) = policy.predict([Query(trials[0].name, demo.length + 4, seen, "")], seed=0)
    assert answer.actions.tolist() == [[0.0] * 6 + [demo.actions()[-1, 6]]]
