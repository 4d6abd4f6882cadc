"""The definitions of published notes, so that their tables can be read beside ours.

None of them tells a good policy from a constant one. Where half of the true actions are exactly
zero, the sign accuracy of a near perfect policy is .5, of an always-zero one .5, of random signs
.25. A drop from .5 to .25 is the step from silence to noise, not an inversion.
"""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.dimensions import GROUPS, MOTION, Bools, Floats
from forkctl.evaluation.openloop.metrics.metric import Better, Metric, Sums, by_episode, ratio
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale

COLUMNS = (*MOTION, *GROUPS)
NEAR_ZERO = 0.05  # in raw units, whatever the dimension


def sums(pairs: Pairs, scale: Scale) -> Sums:
    del scale  # that is what is wrong with them

    def added(rows: Bools) -> Floats:
        return by_episode(rows.astype(np.float64), pairs.row_episode, len(pairs.episodes))

    sign_truth, sign_prediction = np.sign(pairs.truth), np.sign(pairs.prediction)
    return {
        "naive_steps": added(np.ones_like(pairs.truth, dtype=np.bool_)),
        "naive_same": added(sign_truth == sign_prediction),
        "naive_opposite": added(sign_truth * sign_prediction < 0),
        "naive_small": added(np.abs(pairs.prediction) < NEAR_ZERO),
    }


def _naive(name: str, title: str, meaning: str, key: str) -> Metric:
    return Metric(
        name,
        title,
        meaning,
        Better.NEITHER,
        COLUMNS,
        lambda totals: ratio(totals[key], totals["naive_steps"]),
        "naive",
    )


METRICS = (
    _naive(
        "naive_sign_accuracy",
        "sign accuracy (naive)",
        "share of all steps with sign(prediction) = sign(truth), zeros included",
        "naive_same",
    ),
    _naive(
        "naive_inverted",
        "inverted share (naive)",
        "share of all steps with opposite signs, however small",
        "naive_opposite",
    ),
    _naive(
        "naive_near_zero",
        "near zero at .05 (naive)",
        "share of predictions under .05 in raw units",
        "naive_small",
    ),
)
