from __future__ import annotations

import pytest

from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome
from forkctl.evaluation.rollouts.rates import by_task, rate, wilson


def result(trial: int, outcome: str, steps: int = 0, task: str = "a") -> EpisodeOutcome:
    return EpisodeOutcome(task, trial, trial, 0, outcome, steps, None, {}, 0.0)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # as statistics packages print them
        (0, 10, 0.0, 0.2775),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (423, 500, 0.8117, 0.8750),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilsons_interval(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_errors_are_no_trials():
    found = rate([result(0, "success", 100), result(1, "failure", 220), result(2, "error")])
    assert (found.successes, found.trials, found.errors) == (1, 2, 1)
    assert found.value == 0.5
    assert found.mean_steps == 100


def test_a_policy_without_an_action_has_failed():
    found = rate([result(0, "success", 9), result(1, "policy error"), result(2, "error")])
    assert (found.successes, found.trials, found.errors, found.policy_errors) == (1, 2, 1, 1)
    assert (found.value, found.value_without_policy_errors) == (0.5, 1.0)
    assert rate([result(0, "policy error")]).value_without_policy_errors is None


def test_errors_alone_give_no_rate():
    found = rate([result(0, "error")])
    assert found.value is None
    assert found.interval == (0.0, 1.0)


def test_tasks_are_apart():
    results = [result(0, "success", 9), result(0, "failure", 9, "b"), result(1, "success", 9)]
    found = by_task(results, ["b", "a"])
    assert list(found) == ["b", "a"]
    assert found["a"].successes == 2
    assert found["b"].successes == 0
