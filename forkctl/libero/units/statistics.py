"""Statistics of named dimensions: one pass, float64, and an exact merge.

Mean and variance follow Chan, Golub and LeVeque: each batch is measured about its own mean and the
batches are combined. The textbook E[x^2] - E[x]^2, in float32, gives a standard deviation of
0.00026 where the exact one is 0.00114.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.units.counting import ValueCounts
from forkctl.libero.units.dimensions import Dimensions

Array = npt.NDArray[Any]

# A value under a thousandth of its dimension's full scale is as good as zero.
NEAR_ZERO = 1e-3


@dataclass(frozen=True)
class Statistics:
    """Each field has one number per dimension.

    `near_zero` is a share of `count`. `exact_quantiles` is False where q01 and q99 are only right
    to `counting.RELATIVE_ERROR`. NaN and infinity count in `nonfinite` and nowhere else.
    """

    dims: Dimensions
    count: int
    mean: Array
    std: Array
    min: Array
    max: Array
    q01: Array
    q99: Array
    near_zero: Array
    nonfinite: Array
    exact_quantiles: Array

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dims)


class Accumulator:
    """Takes batches of rows (n, dimensions), or another accumulator of the same dimensions."""

    def __init__(self, dims: Dimensions) -> None:
        width = len(dims)
        self.dims = dims
        self.rows = 0
        self._count = np.zeros(width, dtype=np.int64)
        self._mean = np.zeros(width)
        self._squares = np.zeros(width)  # sum of squared distances to the mean
        self._min = np.full(width, np.inf)
        self._max = np.full(width, -np.inf)
        self._near_zero = np.zeros(width, dtype=np.int64)
        self._values = [ValueCounts() for _ in dims]
        self._zero_below = NEAR_ZERO * np.array([dimension.full_scale for dimension in dims])

    def add(self, rows: Array) -> None:
        rows = np.asarray(rows, dtype=np.float64)
        if not len(rows):
            return
        finite = np.isfinite(rows)
        whole = bool(finite.all())
        present = None if whole else finite
        known = rows if whole else np.where(finite, rows, 0.0)
        count = finite.sum(axis=0)
        mean = known.sum(axis=0) / np.maximum(count, 1)
        distances = known - mean if whole else np.where(finite, known - mean, 0.0)
        squares = np.square(distances).sum(axis=0)
        self.rows += len(rows)
        self._combine(count, mean, squares)
        low = rows if whole else np.where(finite, rows, np.inf)
        high = rows if whole else np.where(finite, rows, -np.inf)
        self._min = np.minimum(self._min, low.min(axis=0))
        self._max = np.maximum(self._max, high.max(axis=0))
        near = np.abs(known) < self._zero_below
        self._near_zero += (near if present is None else near & present).sum(axis=0)
        for column, values in enumerate(self._values):
            values.add(rows[:, column] if present is None else rows[finite[:, column], column])

    def merge(self, other: Accumulator) -> None:
        self.rows += other.rows
        self._combine(other._count, other._mean, other._squares)
        self._min = np.minimum(self._min, other._min)
        self._max = np.maximum(self._max, other._max)
        self._near_zero += other._near_zero
        for mine, theirs in zip(self._values, other._values):
            mine.merge(theirs)

    def _combine(self, count: Array, mean: Array, squares: Array) -> None:
        total = np.maximum(self._count + count, 1)
        apart = mean - self._mean
        self._squares += squares + apart**2 * (self._count * count / total)
        self._mean += apart * (count / total)
        self._count += count

    def result(self) -> Statistics:
        seen = np.maximum(self._count, 1)
        nothing = self._count == 0
        return Statistics(
            dims=self.dims,
            count=self.rows,
            mean=np.where(nothing, np.nan, self._mean),
            std=np.where(nothing, np.nan, np.sqrt(self._squares / seen)),
            min=np.where(nothing, np.nan, self._min),
            max=np.where(nothing, np.nan, self._max),
            q01=np.array([values.quantile(0.01) for values in self._values]),
            q99=np.array([values.quantile(0.99) for values in self._values]),
            near_zero=self._near_zero / seen,
            nonfinite=self.rows - self._count,
            exact_quantiles=np.array([values.exact for values in self._values]),
        )
