"""What a verdict is, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from forkctl.evaluation.diagnosis.learning import Learning
from forkctl.evaluation.dimensions import DIMENSIONS, MOTION, Floats
from forkctl.evaluation.openloop.episodes import ObservationChange
from forkctl.evaluation.openloop.metrics.table import Table
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale


class Kind(str, Enum):
    FAULT = "fault"
    NOTE = "note"
    GOOD = "good"


@dataclass(frozen=True)
class Diagnosis:
    """A name that stays the same for ever, and what a reader needs to act on it."""

    name: str
    kind: Kind
    title: str
    evidence: tuple[str, ...]
    cause: str
    mend: str
    dims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All that the checks may look at."""

    pairs: Pairs
    table: Table
    scale: Scale
    # the plain predictions for the demos that were probed, and the predictions under each probe
    probed: Pairs | None = None
    probes: Mapping[ObservationChange, Pairs] = field(default_factory=dict)
    # statistics that may have been taken instead of the right ones
    other_scales: Mapping[str, Scale] = field(default_factory=dict)
    not_finite: float = 0.0  # share of steps whose prediction held a NaN or an infinity
    sees_images: bool = False
    initial: Pairs | None = None  # what the checkpoint that it was trained from predicts
    learning: Learning | None = None  # where its run is known

    def correlation(self, dimension: str) -> float:
        return self.table.value("correlation", dimension)


@dataclass(frozen=True)
class Drop:
    """How much smaller the error gets when a fault is undone: the share, and its interval."""

    share: float
    low: float
    before: float
    after: float

    def convincing(self, least: float) -> bool:
        return self.share >= least and self.low > 0

    def __str__(self) -> str:
        return f"L1 {self.before:.3f} -> {self.after:.3f} ({-100 * self.share:+.0f} %)"


def drop_of(pairs: Pairs, mended: Floats, scale: Scale, dims: Sequence[str] = MOTION) -> Drop:
    """The drop of the normalised L1 of `dims` from the predictions to the mended ones."""
    columns = [DIMENSIONS.index(name) for name in dims]
    before = _episode_errors(pairs, pairs.prediction - pairs.truth, scale, columns)
    after = _episode_errors(pairs, mended - pairs.truth, scale, columns)
    return drop_between(before, after)


def drop_between(before: Floats, after: Floats) -> Drop:
    """From the mean errors of each episode; paired, so that hard episodes do not blur it."""
    shown = (float(before.mean()), float(after.mean())) if len(before) else (0.0, 0.0)
    share = 1 - shown[1] / shown[0] if shown[0] > 1e-9 else 0.0
    if len(before) < 2:
        return Drop(share, share, *shown)
    draws = np.random.default_rng(0).integers(len(before), size=(1000, len(before)))
    gains = (before - after)[draws].mean(axis=1)
    return Drop(share, float(np.quantile(gains, 0.025)), *shown)


def _episode_errors(pairs: Pairs, errors: Floats, scale: Scale, columns: list[int]) -> Floats:
    normalised = np.abs(errors / (scale.span / 2.0))[:, columns].mean(axis=1)
    return np.array([normalised[rows].mean() for rows in pairs.slices() if rows.stop > rows.start])


def episode_errors(pairs: Pairs, scale: Scale) -> Floats:
    """Mean normalised L1 of the motion dimensions for each episode."""
    columns = [DIMENSIONS.index(name) for name in MOTION]
    return _episode_errors(pairs, pairs.prediction - pairs.truth, scale, columns)


def correlations(pairs: Pairs) -> Floats:
    """(predicted axis, true axis); a constant correlates with nothing."""
    count = len(MOTION)

    def standard(values: Floats) -> Floats:
        centred = values[:, :count] - values[:, :count].mean(axis=0)
        spread = centred.std(axis=0)
        still = spread <= 1e-6
        return np.where(still, 0.0, centred / np.where(still, 1.0, spread))

    result: Floats = standard(pairs.prediction).T @ standard(pairs.truth) / max(pairs.rows, 1)
    return result


def listed(dims: Sequence[str]) -> str:
    return ", ".join(dims)
