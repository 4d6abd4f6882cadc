"""What a metric is: a function of sums.

Every metric here is computed from sums over the steps of each episode. Adding up all episodes gives
the value, a task's episodes the task's value, and episodes drawn with replacement a bootstrap
sample: one code path for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from forkctl.evaluation.dimensions import COLUMNS, Floats, Ints

# name -> (episodes, dimensions, ...): one sum per episode and dimension
Sums = dict[str, Floats]
# name -> (samples, columns, ...): those sums, added up over some episodes
Totals = Mapping[str, Floats]


class Better(str, Enum):
    """Which way is good."""

    HIGHER = "higher"
    LOWER = "lower"
    TRUTH = "as the truth"
    NEITHER = "-"


@dataclass(frozen=True)
class Metric:
    """One number per column. The name is that of the JSON and must not change."""

    name: str
    title: str
    meaning: str
    better: Better
    columns: tuple[str, ...]
    value: Callable[[Totals], Floats]
    family: str

    def masked(self, totals: Totals) -> Floats:
        """The value where the metric has a meaning, NaN elsewhere."""
        value = np.array(self.value(totals), dtype=np.float64)
        value[..., [column not in self.columns for column in COLUMNS]] = np.nan
        return value


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """0/0 has no value: a metric over no steps is NaN, not 0 and not 1."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def by_episode(rows: Floats, row_episode: Ints, episodes: int) -> Floats:
    """Sum rows (N, D) into (episodes, D)."""
    sums = np.zeros((episodes, *rows.shape[1:]))
    np.add.at(sums, row_episode, rows)
    return sums
