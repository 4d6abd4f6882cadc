"""Which way: of the steps where the demonstrator moved, dir_acc + inverted + abstain = 1.

Steps where the demonstrator stood still are counted separately (false_move), because no direction
is right then; comparing signs over all steps would give an always-zero policy .5.
"""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.dimensions import GROUPS, MOTION, Bools, Floats
from forkctl.evaluation.openloop.metrics.metric import Better, Metric, Sums, by_episode, ratio
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale

COLUMNS = (*MOTION, *GROUPS)


def sums(pairs: Pairs, scale: Scale) -> Sums:
    def added(rows: Bools) -> Floats:
        return by_episode(rows.astype(np.float64), pairs.row_episode, len(pairs.episodes))

    truth_moves = np.abs(pairs.truth) > scale.dead_zone
    policy_moves = np.abs(pairs.prediction) > scale.dead_zone
    same_side = np.sign(pairs.truth) == np.sign(pairs.prediction)
    return {
        "moving": added(truth_moves),
        "still": added(~truth_moves),
        "right": added(truth_moves & policy_moves & same_side),
        "wrong": added(truth_moves & policy_moves & ~same_side),
        "abstained": added(truth_moves & ~policy_moves),
        "moved_when_still": added(~truth_moves & policy_moves),
        "policy_still": added(~policy_moves),
    }


METRICS = (
    Metric(
        "dir_acc",
        "direction right",
        "share of moving steps predicted in the right direction",
        Better.HIGHER,
        COLUMNS,
        lambda totals: ratio(totals["right"], totals["moving"]),
        "direction",
    ),
    Metric(
        "inverted",
        "direction inverted",
        "share of moving steps predicted in the opposite direction",
        Better.LOWER,
        COLUMNS,
        lambda totals: ratio(totals["wrong"], totals["moving"]),
        "direction",
    ),
    Metric(
        "abstain",
        "abstains",
        "share of moving steps where the prediction stays inside the dead zone",
        Better.LOWER,
        COLUMNS,
        lambda totals: ratio(totals["abstained"], totals["moving"]),
        "direction",
    ),
    Metric(
        "dir_cond",
        "direction right, when it moves",
        "right / (right + inverted): .5 is chance",
        Better.HIGHER,
        COLUMNS,
        lambda totals: ratio(totals["right"], totals["right"] + totals["wrong"]),
        "direction",
    ),
    Metric(
        "false_move",
        "moves when it should not",
        "share of still steps where the prediction leaves the dead zone",
        Better.LOWER,
        COLUMNS,
        lambda totals: ratio(totals["moved_when_still"], totals["still"]),
        "direction",
    ),
    Metric(
        "near_zero",
        "near zero, prediction",
        "share of predictions inside the dead zone",
        Better.TRUTH,
        COLUMNS,
        lambda totals: ratio(totals["policy_still"], totals["moving"] + totals["still"]),
        "size",
    ),
    Metric(
        "near_zero_truth",
        "near zero, truth",
        "share of true actions inside the dead zone",
        Better.NEITHER,
        COLUMNS,
        lambda totals: ratio(totals["still"], totals["moving"] + totals["still"]),
        "size",
    ),
)
