from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forkctl.evaluation.dimensions import MOTION
from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.pairs import EpisodePairs, pair_up
from forkctl.evaluation.openloop.scale import Scale

# every span is 2, the dead zone .05
UNIT = Scale(-np.ones(7), np.ones(7), np.zeros(7), "test")
ACTIONS = arrays(float, (12, 7), elements=st.floats(-1, 1, allow_nan=False))


def table_of(truth, prediction):
    return measure(pair_up([EpisodePairs("a", "t", truth, prediction)]), UNIT, resamples=2)


def column(values):
    """Rows in which only x differs from zero."""
    rows = np.zeros((len(values), 7))
    rows[:, 0] = values
    return rows


@settings(deadline=None)
@given(ACTIONS, ACTIONS)
def test_right_inverted_and_abstained_moves_add_up_to_all_moves(truth, prediction):
    table = table_of(truth, prediction)
    for name in (*MOTION, "position", "rotation", "motion"):
        parts = [table.value(metric, name) for metric in ("dir_acc", "inverted", "abstain")]
        assert np.isnan(parts).all() or sum(parts) == pytest.approx(1)


def test_each_step_counts_where_it_belongs():
    truth = column([0.5, 0.5, 0.5, -0.5, 0.0, 0.01, 0.0, -0.04])
    prediction = column([0.2, -0.2, 0.04, -0.9, 0.3, 0.02, 0.0, -0.3])
    table = table_of(truth, prediction)
    assert table.value("dir_acc", "x") == 2 / 4
    assert table.value("inverted", "x") == 1 / 4
    assert table.value("abstain", "x") == 1 / 4
    assert table.value("dir_cond", "x") == 2 / 3
    assert table.value("false_move", "x") == 2 / 4
    assert table.value("near_zero", "x") == 3 / 8
    assert table.value("near_zero_truth", "x") == 4 / 8


def test_the_dead_zone_follows_the_dimensions_own_range():
    narrow = Scale(
        np.array([-1, -1, -1, -0.1, -1, -1, -1.0]),
        np.array([1, 1, 1, 0.1, 1, 1, 1.0]),
        np.zeros(7),
        "",
    )
    truth = np.full((4, 7), 0.02)
    table = measure(pair_up([EpisodePairs("a", "t", truth, truth)]), narrow, resamples=2)
    assert table.value("near_zero_truth", "x") == 1.0
    assert table.value("near_zero_truth", "rx") == 0.0


def test_a_dimension_that_never_moves_has_no_direction():
    table = table_of(np.zeros((5, 7)), column([0.5] * 5))
    assert np.isnan(table.value("dir_acc", "x"))
    assert np.isnan(table.value("dir_cond", "x"))
    assert table.value("false_move", "x") == 1.0
