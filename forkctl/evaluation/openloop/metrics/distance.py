"""How far predictions are from the truth, beside three policies that know nothing."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.dimensions import COLUMNS, DIMENSIONS, GROUPS, Floats
from forkctl.evaluation.openloop.metrics.metric import (
    Better,
    Metric,
    Sums,
    Totals,
    by_episode,
    ratio,
)
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale

SAME_UNIT = (*DIMENSIONS, "position", "rotation")
ALL = COLUMNS


def sums(pairs: Pairs, scale: Scale) -> Sums:
    def added(rows: Floats) -> Floats:
        return by_episode(rows, pairs.row_episode, len(pairs.episodes))

    truth, prediction = pairs.truth, pairs.prediction
    half_span = scale.span / 2.0
    return {
        "steps": added(np.ones_like(truth)),
        "l1": added(np.abs(prediction - truth)),
        "l1_norm": added(np.abs(prediction - truth) / half_span),
        "l1_zero": added(np.abs(truth) / half_span),
        "l1_mean": added(np.abs(truth - scale.mean) / half_span),
        "l1_previous": added(np.abs(truth - pairs.previous) / half_span),
        "size_truth": added(np.abs(truth) / half_span),
        "size_prediction": added(np.abs(prediction) / half_span),
        "sum_p": added(prediction),
        "sum_y": added(truth),
        "sum_pp": added(prediction**2),
        "sum_yy": added(truth**2),
        "sum_py": added(prediction * truth),
    }


def correlation(totals: Totals) -> Floats:
    n = totals["steps"]
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = totals["sum_py"] / n - totals["sum_p"] * totals["sum_y"] / n**2
        var_p = totals["sum_pp"] / n - (totals["sum_p"] / n) ** 2
        var_y = totals["sum_yy"] / n - (totals["sum_y"] / n) ** 2
        # a constant has no correlation; rounding must not give it one
        moves = (var_p > 1e-12) & (var_y > 1e-12)
        return np.where(moves, covariance / np.sqrt(np.where(moves, var_p * var_y, 1.0)), np.nan)


def skill(baseline: str) -> Metric:
    titles = {"zero": "constant zero", "mean": "the constant mean", "previous": "the last action"}
    return Metric(
        f"skill_{baseline}",
        f"skill over {titles[baseline]}",
        f"1 - L1 / L1 of {titles[baseline]}: 0 is no better than that, 1 is perfect",
        Better.HIGHER,
        ALL,
        lambda totals: 1.0 - ratio(totals["l1_norm"], totals[f"l1_{baseline}"]),
        "distance",
    )


METRICS = (
    Metric(
        "l1",
        "L1",
        "mean absolute error in controller units (1 is 0.05 m, 0.5 rad, gripper -1..1)",
        Better.LOWER,
        SAME_UNIT,
        lambda totals: ratio(totals["l1"], totals["steps"]),
        "distance",
    ),
    Metric(
        "l1_norm",
        "L1, normalised",
        "mean absolute error where q01..q99 of the training actions is -1..1",
        Better.LOWER,
        ALL,
        lambda totals: ratio(totals["l1_norm"], totals["steps"]),
        "distance",
    ),
    skill("zero"),
    skill("mean"),
    skill("previous"),
    Metric(
        "magnitude_ratio",
        "magnitude ratio",
        "mean |prediction| / mean |truth|: below 1 the policy is timid",
        Better.TRUTH,
        (*DIMENSIONS[:6], *GROUPS),
        lambda totals: ratio(totals["size_prediction"], totals["size_truth"]),
        "size",
    ),
    Metric(
        "correlation",
        "correlation",
        "Pearson correlation of prediction and truth",
        Better.HIGHER,
        DIMENSIONS,
        correlation,
        "distance",
    ),
)
