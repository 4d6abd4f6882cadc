"""How varied a policy's answers are: the share of its favourite bin, beside the truth's."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.dimensions import MOTION, WIDTH, Floats, Ints
from forkctl.evaluation.openloop.metrics.metric import Better, Metric, Sums, by_episode, ratio
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale

BINS = 256


def sums(pairs: Pairs, scale: Scale) -> Sums:
    """Histograms over 256 bins; a policy with tokens is counted by its own tokens."""
    spoken = pairs.tokens if pairs.tokens is not None else scale.bins(pairs.prediction)
    invalid = pairs.invalid if pairs.invalid is not None else np.full(pairs.rows, np.nan)
    per_dimension = np.repeat(invalid[:, None].astype(np.float64) / WIDTH, WIDTH, axis=1)
    return {
        "spoken": _histograms(pairs, _ranked(spoken.astype(np.int64))),
        "spoken_truth": _histograms(pairs, scale.bins(pairs.truth).astype(np.int64)),
        "invalid": by_episode(per_dimension, pairs.row_episode, len(pairs.episodes)),
        "said": by_episode(np.ones_like(per_dimension), pairs.row_episode, len(pairs.episodes)),
    }


def _ranked(tokens: Ints) -> Ints:
    """Token ids of a vocabulary become 0..255 per dimension; the rarer ones share the last."""
    if tokens.size == 0 or (tokens.min() >= 0 and tokens.max() < BINS):
        return tokens
    ranked = np.empty_like(tokens)
    for dimension in range(tokens.shape[1]):
        values, inverse, counts = np.unique(
            tokens[:, dimension], return_inverse=True, return_counts=True
        )
        rank = np.empty(len(values), dtype=np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(values))
        ranked[:, dimension] = np.minimum(rank[inverse], BINS - 1)
    return ranked


def _histograms(pairs: Pairs, bins: Ints) -> Floats:
    counts = np.zeros((len(pairs.episodes), WIDTH, BINS))
    rows = np.repeat(pairs.row_episode[:, None], WIDTH, axis=1)
    columns = np.repeat(np.arange(WIDTH)[None, :], pairs.rows, axis=0)
    np.add.at(counts, (rows, columns, bins), 1.0)
    return counts


METRICS = (
    Metric(
        "top_token",
        "favourite bin, prediction",
        "share of the most frequent of 256 bins (or tokens)",
        Better.TRUTH,
        MOTION,
        lambda totals: ratio(totals["spoken"].max(axis=-1), totals["spoken"].sum(axis=-1)),
        "tokens",
    ),
    Metric(
        "top_token_truth",
        "favourite bin, truth",
        "the same for the demonstrator",
        Better.NEITHER,
        MOTION,
        lambda totals: ratio(
            totals["spoken_truth"].max(axis=-1), totals["spoken_truth"].sum(axis=-1)
        ),
        "tokens",
    ),
    Metric(
        "invalid_tokens",
        "invalid tokens",
        "share of tokens that are not action tokens (they decode to an end of the range)",
        Better.LOWER,
        ("motion",),
        lambda totals: ratio(totals["invalid"], totals["said"]),
        "tokens",
    ),
)
