"""How often each value occurs, in memory that does not grow with the data.

LIBERO's actions lie on a grid of a few hundred values, so counting them gives exact quantiles of
any number of demos. A dimension with more than `EXACT_VALUES` distinct values (states, mostly) is
rounded to 11 bits of mantissa from then on, and its quantiles are right to 1 part in 4096. How a
value is rounded does not depend on what came before it, so merging gives the same counts in any
order and for any split of the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

EXACT_VALUES = 1 << 14
_MANTISSA_BITS = 11
RELATIVE_ERROR = 2.0 ** -(_MANTISSA_BITS + 1)
# Smaller than this is zero once values are rounded; it bounds the number of binades.
_TINY = 2.0**-30

_DROPPED_BITS = 52 - _MANTISSA_BITS
# Sorting a buffer now and then is much cheaper than merging every demo.
_BUFFER = 1 << 17


class ValueCounts:
    """Counts of one dimension's values. They must be finite."""

    def __init__(self) -> None:
        self.exact = True
        self._new: list[Array] = []
        self._counted: list[tuple[Array, Array]] = []
        self._buffered = 0

    def add(self, values: Array) -> None:
        self._new.append(np.array(values, dtype=np.float64))
        self._grow(len(values))

    def merge(self, other: ValueCounts) -> None:
        values, counts = other.table()
        self.exact = self.exact and other.exact
        self._counted.append((values, counts))
        self._grow(len(values))

    def quantile(self, q: float) -> float:
        """As `numpy.quantile` of all the values (linear between neighbours); NaN without any."""
        values, counts = self.table()
        if not len(values):
            return float("nan")
        ends = np.cumsum(counts)
        total = int(ends[-1])
        position = q * (total - 1)
        below = int(np.floor(position))
        ranks = [below, min(below + 1, total - 1)]
        low, high = values[np.searchsorted(ends, ranks, side="right")]
        return float(low + (high - low) * (position - below))

    def table(self) -> tuple[Array, Array]:
        """The distinct values, ascending, and how often each occurred."""
        if self._new:
            self._counted.append(_count(np.concatenate(self._new)))
            self._new = []
        if self._counted:
            self._counted = [self._together()]
        self._buffered = 0
        return self._counted[0] if self._counted else (np.empty(0), np.empty(0, dtype=np.int64))

    def _grow(self, entries: int) -> None:
        self._buffered += entries
        if self._buffered >= _BUFFER:
            self.table()

    def _together(self) -> tuple[Array, Array]:
        parts = self._counted
        values, counts = parts[0]
        if len(parts) > 1:
            values = np.concatenate([values for values, _ in parts])
            counts = np.concatenate([counts for _, counts in parts])
            order = np.argsort(values, kind="stable")  # merges sorted runs quickly
            values, counts = _sum_runs(values[order], counts[order])
        if self.exact and len(values) > EXACT_VALUES:
            self.exact = False
        return (values, counts) if self.exact else _sum_runs(_rounded(values), counts)

    def __getstate__(self) -> dict[str, Any]:
        self.table()  # this travels between processes, and counts are far smaller than values
        return self.__dict__


def _count(values: Array) -> tuple[Array, Array]:
    values = np.sort(values)
    starts = _run_starts(values)
    return values[starts], np.diff(np.append(starts, len(values)))


def _sum_runs(values: Array, counts: Array) -> tuple[Array, Array]:
    """One entry for each run of equal values."""
    starts = _run_starts(values)
    return values[starts], np.add.reduceat(counts, starts) if len(counts) else counts


def _run_starts(values: Array) -> Array:
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    return np.concatenate([np.zeros(min(len(values), 1), dtype=np.int64), changes])


def _rounded(values: Array) -> Array:
    """To the nearest number of 11 mantissa bits; the order of the values stays.

    A carry out of the mantissa goes into the exponent, which gives the right number.
    """
    bits = values.view(np.int64) + (1 << (_DROPPED_BITS - 1))
    rounded = (bits & ~((1 << _DROPPED_BITS) - 1)).view(np.float64)
    result: Array = np.where(np.abs(values) < _TINY, 0.0, rounded)
    return result
