"""The published notes' numbers, reproduced: why a drop from 51 % to 25 % is no inversion."""

from __future__ import annotations

import numpy as np
import pytest

from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.pairs import EpisodePairs, pair_up
from forkctl.evaluation.openloop.scale import scale_of


def truth_of_which_half_is_zero(random: np.random.Generator) -> np.ndarray:
    moves = random.uniform(0.1, 0.9, (2000, 7)) * random.choice([-1, 1], (2000, 7))
    return np.where(random.random((2000, 7)) < 0.5, 0.0, moves)


def perfect(truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As exact as 256 bins allow: never exactly zero where the truth is."""
    return truth + random.uniform(-0.004, 0.004, truth.shape)


def always_zero(truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.zeros_like(truth)


def random_signs(truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return random.choice([-1.0, 1.0], truth.shape) * 0.3


@pytest.mark.parametrize(
    ("policy", "sign_accuracy", "inverted"),
    [(perfect, 0.499, 0.0), (always_zero, 0.500, 0.0), (random_signs, 0.246, 0.25)],
)
def test_the_naive_sign_accuracy_cannot_tell_perfect_from_silent(policy, sign_accuracy, inverted):
    random = np.random.default_rng(0)
    truths = [truth_of_which_half_is_zero(random) for _ in range(4)]
    pairs = pair_up([EpisodePairs(f"{i}", "t", y, policy(y, random)) for i, y in enumerate(truths)])
    table = measure(pairs, scale_of(np.concatenate(truths), "test"), resamples=10)
    assert table.value("naive_sign_accuracy", "motion") == pytest.approx(sign_accuracy, abs=0.008)
    assert table.value("naive_inverted", "motion") == pytest.approx(inverted, abs=0.01)


def test_ours_tell_the_same_three_apart():
    random = np.random.default_rng(0)
    truths = [truth_of_which_half_is_zero(random) for _ in range(4)]
    scale = scale_of(np.concatenate(truths), "test")

    def measured(policy):
        parts = [EpisodePairs(f"{i}", "t", y, policy(y, random)) for i, y in enumerate(truths)]
        table = measure(pair_up(parts), scale, resamples=10)
        names = ("dir_acc", "inverted", "abstain", "false_move")
        return [table.value(name, "motion") for name in names]

    assert measured(perfect) == pytest.approx([1, 0, 0, 0], abs=0.001)
    assert measured(always_zero) == pytest.approx([0, 0, 1, 0], abs=0.001)
    assert measured(random_signs) == pytest.approx([0.5, 0.5, 0, 1], abs=0.01)


def test_the_naive_near_zero_threshold_calls_every_rotation_near_zero():
    truth = np.zeros((100, 7))
    truth[:, 0], truth[:, 3] = 0.5, 0.04
    pairs = pair_up([EpisodePairs("a", "t", truth, truth)])
    scale = scale_of(np.vstack([truth, -truth]), "test")
    table = measure(pairs, scale, resamples=10)
    assert table.value("naive_near_zero", "rx") == 1.0
    assert table.value("near_zero", "rx") == 0.0
    assert table.value("naive_near_zero", "x") == 0.0
