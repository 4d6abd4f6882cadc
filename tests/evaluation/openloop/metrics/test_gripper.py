from __future__ import annotations

import numpy as np
import pytest

from forkctl.evaluation.dimensions import GRIPPER
from forkctl.evaluation.openloop.metrics.gripper import TOLERANCE
from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.pairs import EpisodePairs, pair_up
from tests.evaluation.demos import scale


def episode(*closed: int) -> np.ndarray:
    actions = np.zeros((len(closed), 7))
    actions[:, GRIPPER] = 2 * np.array(closed) - 1
    return actions


def table_of(*pairs: tuple[np.ndarray, np.ndarray]):
    parts = [EpisodePairs(str(i), "t", y, p) for i, (y, p) in enumerate(pairs)]
    return measure(pair_up(parts), scale(), resamples=2)


def value(table, metric):
    return table.value(metric, "gripper")


def test_accuracy_rewards_silence_and_balanced_accuracy_does_not():
    truth = episode(*[0] * 18, 1, 1)
    table = table_of((truth, episode(*[0] * 20)))
    assert value(table, "gripper_accuracy") == pytest.approx(0.9)
    assert value(table, "gripper_balanced") == pytest.approx(0.5)
    assert value(table, "transition_recall") == 0
    assert np.isnan(value(table, "transition_precision"))


@pytest.mark.parametrize(("late", "found"), [(0, 1), (TOLERANCE, 1), (TOLERANCE + 1, 0), (-2, 1)])
def test_a_change_is_found_within_the_tolerance(late, found):
    truth = episode(*[0] * 10, *[1] * 10)
    said = episode(*[0] * (10 + late), *[1] * (10 - late))
    assert value(table_of((truth, said)), "transition_recall") == found


def test_a_change_the_other_way_is_not_the_one():
    truth = episode(0, 0, 0, 0, 1, 1, 1, 1)
    assert value(table_of((truth, 0 - truth)), "transition_recall") == 0


def test_flicker_costs_precision():
    truth = episode(*[0] * 10, *[1] * 10)
    flicker = episode(*[0, 1] * 10)
    table = table_of((truth, flicker))
    assert value(table, "transition_recall") == 1
    assert value(table, "transition_precision") < 0.3


def test_the_seam_between_demos_is_no_change():
    table = table_of((episode(0, 0, 0), episode(0, 0, 0)), (episode(1, 1, 1), episode(1, 1, 1)))
    assert np.isnan(value(table, "transition_recall"))
    assert np.isnan(value(table, "transition_precision"))
    assert value(table, "gripper_accuracy") == 1
