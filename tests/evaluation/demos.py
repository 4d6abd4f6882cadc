"""Demonstrations for tests of metrics and verdicts: smooth moves with rests, no files needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forkctl.evaluation.dimensions import Floats
from forkctl.evaluation.openloop.pairs import EpisodePairs, Pairs, pair_up
from forkctl.evaluation.openloop.scale import Scale, scale_of

# Roughly LIBERO's own proportions: moves are large, turns are small.
SIZES = np.array([0.6, 0.5, 0.7, 0.08, 0.1, 0.15])


def demonstration(random: np.random.Generator, steps: int = 60) -> Floats:
    """(steps, 7): correlated moves of a few steps, about a third of them rests, one grasp."""
    motion = np.zeros((steps, 6))
    for column in range(6):
        step = 0
        while step < steps:
            length = int(random.integers(3, 8))
            level = (
                0.0 if random.random() < 0.35 else random.choice([-1, 1]) * random.uniform(0.3, 1)
            )
            wobble = 1 + 0.1 * random.standard_normal(length)
            motion[step : step + length, column] = (level * wobble)[: steps - step]
            step += length
    grasp, release = sorted(random.choice(np.arange(8, steps - 5), 2, replace=False))
    gripper = np.full((steps, 1), -1.0)
    gripper[grasp:release] = 1.0
    return np.hstack([np.clip(motion, -1, 1) * SIZES, gripper])


def demonstrations(count: int = 12, seed: int = 0) -> list[Floats]:
    random = np.random.default_rng(seed)
    return [demonstration(random) for _ in range(count)]


def scale() -> Scale:
    return scale_of(np.concatenate(demonstrations()), "tests")


def pairs_of(predict: Callable[[Floats], Floats]) -> Pairs:
    """Rows of the demonstrations, with what `predict` makes of each one's true actions."""
    return pair_up(
        [
            EpisodePairs(f"demo_{number}", f"task_{number % 2}", truth, predict(truth))
            for number, truth in enumerate(demonstrations())
        ]
    )


def apprentice(truth: Floats) -> Floats:
    """A policy that has learned: the truth with noise and a little timidity."""
    random = np.random.default_rng(int(abs(truth[:, :6].sum() * 1e6)))
    noise = random.standard_normal((len(truth), 6)) * 0.15 * SIZES
    flip = np.where(random.random((len(truth), 1)) < 0.05, -1.0, 1.0)
    return np.hstack([0.9 * truth[:, :6] + noise, truth[:, 6:] * flip])
