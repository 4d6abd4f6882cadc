"""Predicted and true actions side by side, one row per step, in LIBERO's controller units."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forkctl.evaluation.dimensions import GRIPPER, WIDTH, Floats, Ints

# Standing still with an open gripper.
AT_REST = np.array([0.0] * 6 + [-1.0])


@dataclass(frozen=True)
class EpisodePairs:
    """One demo's share: what the demonstrator did and what the policy would have done."""

    episode: str
    task: str
    truth: Floats  # (T, 7)
    prediction: Floats  # (T, 7), first action of each chunk
    tokens: Ints | None = None  # (T, 7), if the policy answers in tokens
    invalid: Ints | None = None  # (T,), how many of them are not action tokens


@dataclass(frozen=True)
class Pairs:
    """All rows of an evaluation. Rows of one episode are consecutive and in time order."""

    truth: Floats  # (N, 7)
    prediction: Floats  # (N, 7)
    previous: Floats  # (N, 7), the true action one step before
    row_episode: Ints  # (N,), index into `episodes`
    episodes: tuple[str, ...]
    tasks: tuple[str, ...]  # one per episode
    tokens: Ints | None = None
    invalid: Ints | None = None

    @property
    def rows(self) -> int:
        return len(self.truth)

    def finite(self) -> Pairs:
        """Without the rows whose prediction holds a NaN or an infinity."""
        keep = np.isfinite(self.prediction).all(axis=1)
        return replace(
            self,
            truth=self.truth[keep],
            prediction=self.prediction[keep],
            previous=self.previous[keep],
            row_episode=self.row_episode[keep],
            tokens=None if self.tokens is None else self.tokens[keep],
            invalid=None if self.invalid is None else self.invalid[keep],
        )

    def slices(self) -> list[slice]:
        """Each episode's rows."""
        edges = np.searchsorted(self.row_episode, np.arange(len(self.episodes) + 1))
        return [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def pair_up(parts: Sequence[EpisodePairs]) -> Pairs:
    """Join episodes into one table of rows."""
    truth = np.concatenate([part.truth for part in parts]) if parts else np.zeros((0, WIDTH))
    prediction = np.concatenate([part.prediction for part in parts]) if parts else truth
    previous = [np.vstack([AT_REST, part.truth[:-1]]) for part in parts if len(part.truth)]
    return Pairs(
        truth=truth,
        prediction=prediction,
        previous=np.concatenate(previous) if previous else truth,
        row_episode=np.repeat(np.arange(len(parts)), [len(part.truth) for part in parts]),
        episodes=tuple(part.episode for part in parts),
        tasks=tuple(part.task for part in parts),
        tokens=_joined([part.tokens for part in parts]),
        invalid=_joined([part.invalid for part in parts]),
    )


def _joined(parts: Sequence[Ints | None]) -> Ints | None:
    present = [part for part in parts if part is not None]
    return np.concatenate(present) if present and len(present) == len(parts) else None


def closes(actions: Floats) -> Floats:
    """1 where the action closes the gripper (LIBERO: +1 closes, -1 opens)."""
    return (actions[:, GRIPPER] > 0).astype(np.float64)
