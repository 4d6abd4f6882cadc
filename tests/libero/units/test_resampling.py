from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkctl.errors import ForkctlError
from forkctl.libero.units import rotations as rot
from forkctl.libero.units.resampling import back_to_back, factor_for, held, report, resample


def smooth_demo(length: int = 130, seed: int = 0) -> np.ndarray:
    """A reach with a turn, and one close of the gripper in the middle of a window of four."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6, 6) + np.arange(length)[:, None] / rng.uniform(6, 12, 6)
    actions = np.concatenate([np.sin(phase) * 0.9, np.ones((length, 1))], axis=1)
    actions[:, 3:6] *= 0.3
    actions[:62, 6] = -1
    return actions


def test_one_step_is_the_demo_itself() -> None:
    actions = smooth_demo()
    windows = resample(actions, 1)
    np.testing.assert_allclose(windows.actions, actions, atol=1e-12)
    assert windows.lengths.tolist() == [1] * len(actions)


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 40), st.integers(0, 5))
def test_held_windows_arrive_where_the_demo_does(factor: int, length: int, seed: int) -> None:
    """Positions add up exactly, also over the short window at the end."""
    actions = smooth_demo(length, seed)
    replayed = held(back_to_back(actions, factor))
    assert replayed.shape == actions.shape
    np.testing.assert_allclose(replayed[:, :3].sum(axis=0), actions[:, :3].sum(axis=0), atol=1e-12)
    assert np.abs(replayed).max() <= np.abs(actions).max() + 1e-12


def test_a_window_stands_at_every_step_and_averages_what_follows() -> None:
    actions = smooth_demo(10)
    windows = resample(actions, 4)
    assert windows.starts.tolist() == list(range(10))
    assert windows.lengths.tolist() == [4, 4, 4, 4, 4, 4, 4, 3, 2, 1]
    for start, length, action in zip(windows.starts, windows.lengths, windows.actions, strict=True):
        inside = actions[start : start + length]
        np.testing.assert_allclose(action[:3], inside[:, :3].mean(axis=0), atol=1e-12)


def test_rotations_are_composed_in_the_controllers_order() -> None:
    actions = smooth_demo(8)
    actions[:, 3:6] *= 3
    whole = np.eye(3)
    for action in actions[:4]:
        whole = rot.matrix_from_axis_angle(0.5 * action[3:6]) @ whole
    turn = resample(actions, 4).actions[0, 3:6]
    step = rot.matrix_from_axis_angle(0.5 * turn)
    np.testing.assert_allclose(np.linalg.matrix_power(step, 4), whole, atol=1e-12)
    assert np.abs(turn - actions[:4, 3:6].mean(axis=0)).max() > 1e-3


def test_the_gripper_is_the_last_of_the_window_or_splits_it() -> None:
    actions = smooth_demo(130)
    last = resample(actions, 4)
    assert last.actions[59:62, 6].tolist() == [1, 1, 1]
    assert last.lengths[59] == 4
    split = resample(actions, 4, gripper="split")
    assert split.lengths[57:64].tolist() == [4, 4, 3, 2, 1, 4, 4]
    np.testing.assert_array_equal(split.actions[:, 6], actions[:, 6])
    replayed = held(back_to_back(actions, 4, gripper="split"))
    np.testing.assert_array_equal(replayed[:, 6], actions[:, 6])


def test_subsampling_takes_actions_as_they_are() -> None:
    actions = smooth_demo(12)
    windows = resample(actions, 4, mode="subsample", stride=4)
    np.testing.assert_array_equal(windows.actions, actions[::4])
    assert windows.starts.tolist() == [0, 4, 8]


def test_the_report_shows_why_the_mean_and_not_a_subsample() -> None:
    actions = smooth_demo()
    mean, subsample = report(actions, 4), report(actions, 4, mode="subsample")
    assert mean.windows == subsample.windows == 33
    assert mean.path_mm == subsample.path_mm > 100
    assert 3 * mean.replay_error_mm < subsample.replay_error_mm
    assert 3 * mean.replay_error_deg < subsample.replay_error_deg
    assert 0.8 < mean.magnitude_ratio <= 1
    assert report(actions, 1).replay_error_mm < 1e-9
    still = report(np.zeros((5, 7)), 4)
    assert (still.path_mm, still.replay_error_mm, still.magnitude_ratio) == (0, 0, 1)
    assert report(np.zeros((0, 7)), 4).windows == 0


def test_the_replay_follows_a_command_by_a_tenth_then_a_quarter() -> None:
    """0.05 m commanded for one step, then for long."""
    actions = np.zeros((200, 7))
    actions[:, 0] = 1
    assert report(actions[:1], 1).path_mm == 0  # one position is no path yet
    assert report(actions[:2], 1).path_mm == pytest.approx(50 * (0.6 * 0.10 + 0.10))
    long = report(actions, 1).path_mm - report(actions[:-1], 1).path_mm
    assert long == pytest.approx(50 * 0.25)


@pytest.mark.parametrize(("hz", "factor"), [(20, 1), (10, 2), (5, 4), (2.5, 8), (1, 20)])
def test_rates_that_divide(hz: float, factor: int) -> None:
    assert factor_for(hz) == factor


@pytest.mark.parametrize("hz", [0, -5, 7, 15, 30, 40])
def test_rates_that_do_not(hz: float) -> None:
    with pytest.raises(ForkctlError, match="whole number"):
        factor_for(hz)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ForkctlError, match="median"):
        resample(np.zeros((3, 7)), 2, mode="median")
