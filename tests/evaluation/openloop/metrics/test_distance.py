from __future__ import annotations

import numpy as np
import pytest

from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.pairs import AT_REST, EpisodePairs, pair_up
from forkctl.evaluation.openloop.scale import Scale
from tests.evaluation.demos import demonstrations, pairs_of, scale

MEAN = np.array([0.1, 0, 0, 0, 0, 0, 0])
UNIT = Scale(
    np.array([-1, -1, -1, -0.1, -1, -1, -1.0]), np.array([1, 1, 1, 0.1, 1, 1, 1.0]), MEAN, ""
)


def test_l1_is_in_controller_units_and_normalised_by_half_the_range():
    truth = np.zeros((4, 7))
    prediction = truth.copy()
    prediction[:, 0], prediction[:, 3] = [0.2, -0.2, 0.4, 0.0], 0.05
    table = measure(pair_up([EpisodePairs("a", "t", truth, prediction)]), UNIT, resamples=2)
    assert table.value("l1", "x") == pytest.approx(0.2)
    assert table.value("l1_norm", "x") == pytest.approx(0.2)
    assert table.value("l1", "rx") == pytest.approx(0.05)
    assert table.value("l1_norm", "rx") == pytest.approx(0.5)
    assert table.value("l1", "position") == pytest.approx(0.2 / 3)
    assert table.value("l1_norm", "motion") == pytest.approx(0.7 / 6)
    assert ("l1", "motion") not in table.cells  # metres and radians do not add up


@pytest.mark.parametrize(
    ("predict", "metric"),
    [
        (lambda truth: np.zeros_like(truth), "skill_zero"),
        (lambda truth: np.tile(scale().mean, (len(truth), 1)), "skill_mean"),
        (lambda truth: np.vstack([AT_REST, truth[:-1]]), "skill_previous"),
    ],
)
def test_a_baseline_has_no_skill_over_itself(predict, metric):
    table = measure(pairs_of(predict), scale(), resamples=20)
    assert table.value(metric, "motion") == pytest.approx(0, abs=1e-12)
    assert table.value("skill_zero", "motion") < 1


def test_skill_is_the_share_of_the_baselines_error_that_is_gone():
    table = measure(pairs_of(lambda truth: 0.75 * truth), scale(), resamples=20)
    assert table.value("skill_zero", "motion") == pytest.approx(0.75)
    assert table.value("magnitude_ratio", "motion") == pytest.approx(0.75)
    assert table.value("correlation", "x") == pytest.approx(1)


def test_a_policy_worse_than_a_baseline_has_negative_skill():
    table = measure(pairs_of(lambda truth: -truth), scale(), resamples=20)
    assert table.value("skill_zero", "motion") == pytest.approx(-1)
    assert table.value("correlation", "x") == pytest.approx(-1)


def test_correlation_is_numpys_and_a_constant_has_none():
    random = np.random.default_rng(1)
    pairs = pairs_of(lambda truth: truth + random.standard_normal(truth.shape))
    table = measure(pairs, scale(), resamples=2)
    expected = np.corrcoef(pairs.truth[:, 1], pairs.prediction[:, 1])[0, 1]
    assert table.value("correlation", "y") == pytest.approx(expected)
    constant = measure(pairs_of(lambda truth: np.full_like(truth, 0.1)), scale(), resamples=2)
    assert np.isnan(constant.value("correlation", "y"))


def test_the_last_action_of_one_demo_is_not_the_first_of_the_next():
    truths = demonstrations(2)
    pairs = pair_up([EpisodePairs(str(i), "t", y, y) for i, y in enumerate(truths)])
    start = len(truths[0])
    assert (pairs.previous[start] == AT_REST).all()
    assert (pairs.previous[start + 1] == truths[1][0]).all()
