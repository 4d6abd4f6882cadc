"""Too few steps: whatever else looks wrong may then be chance."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind, correlations
from forkctl.evaluation.diagnosis.trivial import has_skill
from forkctl.evaluation.dimensions import MOTION
from forkctl.evaluation.openloop.pairs import Pairs

FOLLOWS = 0.5  # a correlation with the truth, on any axis, that is not chance ...
ENOUGH = 6  # ... in as many demos
NEAR = 0.1  # of what the initial policy's predictions are off by


def hardly_begun(evidence: Evidence) -> Diagnosis | None:
    """Too few steps for any other verdict.

    A policy that follows the truth, if only on the wrong axis or upside down, was trained enough to
    show what is wrong with it.
    """
    return None if _follows(evidence) else too_few(evidence)


def too_few(evidence: Evidence) -> Diagnosis | None:
    """No skill yet, and the loss was still falling, or nothing has moved since the start."""
    if has_skill(evidence):
        return None
    facts = []
    learning = evidence.learning
    if learning is not None and learning.falling:
        facts.append(str(learning))
    near = _near_initial(evidence)
    if near is not None and (learning is None or learning.falling):
        facts.append(near)
    if not facts:
        return None
    skill = evidence.table.value("skill_mean", "motion")
    return Diagnosis(
        "too-few-steps",
        Kind.FAULT,
        "Trained for too few steps",
        (*facts, f"skill over the constant mean {skill:+.2f}"),
        "Training ended while the policy was still learning; whatever else looks wrong in its "
        "predictions may be chance.",
        "Train on, until the loss is level, and evaluate again.",
    )


def _follows(evidence: Evidence) -> bool:
    if len(evidence.pairs.episodes) < ENOUGH:
        return False
    views: list[Pairs] = [evidence.pairs, *evidence.probes.values()]
    return any(np.abs(correlations(view)).max() >= FOLLOWS for view in views)


def _near_initial(evidence: Evidence) -> str | None:
    """Has training moved the predictions at all?"""
    initial, now = evidence.initial, evidence.pairs
    if initial is None or len(initial.prediction) != len(now.prediction):
        return None
    half = evidence.scale.span[: len(MOTION)] / 2
    count = len(MOTION)

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs((a - b)[:, :count] / half).mean())

    moved = distance(now.prediction, initial.prediction)
    missing = distance(initial.truth, initial.prediction)
    if not moved < NEAR * missing:
        return None
    return (
        f"predictions have moved by {moved:.3f} from those of the base, which are {missing:.3f} off"
    )
