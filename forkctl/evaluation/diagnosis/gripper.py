"""The gripper: the wrong way round, in another range, or never moved."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind
from forkctl.evaluation.dimensions import GRIPPER, Bools
from forkctl.evaluation.openloop.pairs import closes

SURE = 0.7  # balanced accuracy that another reading must reach
CONVENTIONS = "LIBERO: -1 opens, +1 closes. In other data 1 is open and 0 is closed."


def _balanced(closed: Bools, truth: Bools) -> float:
    if truth.all() or not truth.any():
        return float("nan")
    return float((closed[truth].mean() + (~closed[~truth]).mean()) / 2)


def sign(evidence: Evidence) -> Diagnosis | None:
    """Opens when it should close."""
    truth = closes(evidence.pairs.truth) > 0
    said = closes(evidence.pairs.prediction) > 0
    accuracy = _balanced(said, truth)
    if not accuracy < 1 - SURE:
        return None
    return Diagnosis(
        "gripper-sign",
        Kind.FAULT,
        "The gripper is the wrong way round",
        (
            f"balanced accuracy {accuracy:.2f}; with the sign turned {1 - accuracy:.2f}",
            CONVENTIONS,
        ),
        "The gripper's convention was converted once too often or not at all.",
        "Declare the convention that the policy speaks, or convert once, in one place.",
        ("gripper",),
    )


def zero_to_one(evidence: Evidence) -> Diagnosis | None:
    """0..1 where -1..1 is expected: never below zero, so it never opens."""
    values = evidence.pairs.prediction[:, GRIPPER]
    if values.min() < -0.1 or values.max() > 1.1 or np.ptp(values) < 0.5:
        return None
    truth = closes(evidence.pairs.truth) > 0
    readings = {
        "1 = close, 0 = open": _balanced(values > 0.5, truth),
        "1 = open, 0 = close": _balanced(values < 0.5, truth),
    }
    best = max(readings, key=lambda reading: np.nan_to_num(readings[reading]))
    if not readings[best] >= SURE:
        return None
    return Diagnosis(
        "gripper-range",
        Kind.FAULT,
        "The gripper is in 0..1, not in -1..1",
        (
            f"predictions lie in {values.min():.2f}..{values.max():.2f}",
            f"read as {best}, balanced accuracy {readings[best]:.2f}",
            CONVENTIONS,
        ),
        "The policy's own gripper convention reached the controller.",
        "Declare the convention that the policy speaks.",
        ("gripper",),
    )


def stuck(evidence: Evidence) -> Diagnosis | None:
    """It never changes, where the demonstrator does."""
    said = closes(evidence.pairs.prediction) > 0
    changes = any(np.diff(said[rows].astype(int)).any() for rows in evidence.pairs.slices())
    truth = closes(evidence.pairs.truth) > 0
    if changes or truth.all() or not truth.any():
        return None
    return Diagnosis(
        "gripper-stuck",
        Kind.FAULT,
        "The gripper never moves",
        (
            f"no change in {len(evidence.pairs.episodes)} episodes",
            f"plain accuracy still is {100 * (said == truth).mean():.0f} %",
        ),
        "The gripper's loss is drowned by the six others, or its range is wrong.",
        "Look at the gripper's histogram, and at how its numbers are scaled.",
        ("gripper",),
    )
