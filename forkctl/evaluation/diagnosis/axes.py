"""Right motion on the wrong axis, or the wrong way round."""

from __future__ import annotations

import itertools

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import (
    Diagnosis,
    Evidence,
    Kind,
    correlations,
    drop_of,
    listed,
)
from forkctl.evaluation.dimensions import DIMENSIONS, MOTION

WRONG_WAY = 0.4  # right direction when it moves
AGAINST = -0.5  # correlation of an axis with the truth: weaker ones come by chance
LEAST_DROP = 0.2  # of the error of the axis, when it is negated
OTHER_AXIS = 0.5  # correlation with the other axis
MARGIN = 0.3  # more than with its own


def inverted(evidence: Evidence) -> Diagnosis | None:
    """Negating the axis makes it better."""
    found = {}
    for name in MOTION:
        turned = evidence.correlation(name) <= AGAINST
        if not (turned and evidence.table.value("dir_cond", name) < WRONG_WAY):
            continue
        mended = evidence.pairs.prediction.copy()
        mended[:, DIMENSIONS.index(name)] *= -1
        drop = drop_of(evidence.pairs, mended, evidence.scale, [name])
        if drop.convincing(LEAST_DROP):
            found[name] = drop
    if not found:
        return None
    return Diagnosis(
        "inverted-axis",
        Kind.FAULT,
        f"Inverted: {listed(tuple(found))}",
        tuple(
            f"{name}: right direction in {100 * evidence.table.value('dir_cond', name):.0f} % of "
            f"the moves, below chance; negated, {drop}"
            for name, drop in found.items()
        ),
        "A sign convention differs between training data and here. Both x and y inverted together "
        "point to images that were rotated in only one of the two.",
        "Compare this axis's sign in the training loader with LIBERO's (`forkctl data inspect`).",
        tuple(found),
    )


def swapped(evidence: Evidence) -> Diagnosis | None:
    """Each of two predictions follows the other's truth."""
    cross = np.abs(correlations(evidence.pairs))
    found = []
    for a, b in itertools.combinations(range(len(MOTION)), 2):
        follows_other = min(cross[a, b], cross[b, a])
        follows_own = max(cross[a, a], cross[b, b])
        if follows_other >= OTHER_AXIS and follows_other >= follows_own + MARGIN:
            found.append((a, b))
    if not found:
        return None
    return Diagnosis(
        "swapped-axes",
        Kind.FAULT,
        "Swapped: " + "; ".join(f"{MOTION[a]} and {MOTION[b]}" for a, b in found),
        tuple(
            f"predicted {MOTION[i]} correlates {cross[i, j]:.2f} with the true {MOTION[j]}, "
            f"and {cross[i, i]:.2f} with the true {MOTION[i]}"
            for a, b in found
            for i, j in ((a, b), (b, a))
        ),
        "The order of action dimensions differs between training data and here, or the frame does.",
        "Compare the order of action keys in the training config with LIBERO's x y z rx ry rz.",
        tuple(MOTION[i] for pair in found for i in pair),
    )
