"""A policy that says one thing too often: nothing, or its favourite value."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind, listed
from forkctl.evaluation.dimensions import DIMENSIONS, MOTION

EXCESS = 0.10  # more near-zero predictions than the truth has
TIMID = 0.7  # magnitude ratio
UNSURE = 0.6  # right direction when it moves
SILENT = 0.4  # abstains while the demonstrator moves
# A prediction that follows the truth this well has not collapsed: it is a matter of scale.
FOLLOWS = 0.8
FAVOURITE = 0.3  # more mass on one bin than the truth has there


def to_zero(evidence: Evidence) -> Diagnosis | None:
    """Near zero far more often than the demonstrator, timid, and unsure or silent."""
    table = evidence.table
    dims = [name for name in MOTION if _is_near_zero(evidence, name)]
    if not dims or not (_is_near_zero(evidence, "motion") or len(dims) >= 2):
        return None
    return Diagnosis(
        "collapse-to-zero",
        Kind.FAULT,
        "The policy hardly moves",
        tuple(
            f"{name}: {100 * table.value('near_zero', name):.0f} % of predictions near zero, "
            f"truth {100 * table.value('near_zero_truth', name):.0f} %; "
            f"size {table.value('magnitude_ratio', name):.2f} of the truth; "
            f"silent at {100 * table.value('abstain', name):.0f} % of the moves"
            for name in dims
        ),
        "Still steps outweigh moves in the data, and the learning rate or the number of steps was "
        "too small to leave that mode. The control frequency alone is not the cause.",
        "Drop no-ops (`forkctl data convert`) and train longer; compare with --base to see the "
        "move from noise to silence.",
        tuple(dims),
    )


def _is_near_zero(evidence: Evidence, name: str) -> bool:
    table = evidence.table
    excess = table.value("near_zero", name) - table.value("near_zero_truth", name)
    follows = name in DIMENSIONS and evidence.correlation(name) >= FOLLOWS
    direction = np.nan_to_num(table.value("dir_cond", name), nan=0.0)
    unsure = direction < UNSURE or table.value("abstain", name) > SILENT
    timid = table.value("magnitude_ratio", name) < TIMID
    return bool(excess >= EXCESS and timid and unsure and not follows)


def to_value(evidence: Evidence) -> Diagnosis | None:
    """One token, or one value, that is not zero takes far more mass than the truth gives it."""
    favourites = {name: _favourite(evidence, name) for name in MOTION}
    found = {
        name: (value, said, true)
        for name, (value, said, true) in favourites.items()
        if said >= true + FAVOURITE
        and abs(value) > evidence.scale.dead_zone[DIMENSIONS.index(name)]
    }
    if not found:
        return None
    said_in = "value" if evidence.pairs.tokens is None else "token"
    return Diagnosis(
        f"collapse-to-{said_in}",
        Kind.FAULT,
        f"One {said_in} has taken over {listed(tuple(found))}",
        tuple(
            f"{name}: {100 * said:.0f} % of predictions are {value:+.3f}, "
            f"{100 * true:.0f} % of the true actions"
            for name, (value, said, true) in found.items()
        ),
        f"The output follows how frequent each {said_in} is and not the input: learning rate too "
        "high, or labels shifted against inputs.",
        "Look at the labels of one batch; lower the learning rate.",
        tuple(found),
    )


def _favourite(evidence: Evidence, name: str) -> tuple[float, float, float]:
    """The median of what lies in the prediction's fullest bin, and its mass there and in truth."""
    column = DIMENSIONS.index(name)
    said = evidence.scale.bins(evidence.pairs.prediction)[:, column].astype(np.int64)
    true = evidence.scale.bins(evidence.pairs.truth)[:, column].astype(np.int64)
    fullest = np.bincount(said, minlength=256).argmax()
    value = float(np.median(evidence.pairs.prediction[said == fullest, column]))
    return value, float((said == fullest).mean()), float((true == fullest).mean())
