from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkctl.libero.units import counting
from forkctl.libero.units.counting import EXACT_VALUES, RELATIVE_ERROR, ValueCounts

numbers = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=60)


def counts_of(*batches: np.ndarray) -> ValueCounts:
    counts = ValueCounts()
    for batch in batches:
        counts.add(batch)
    return counts


@settings(deadline=None)
@given(numbers, st.sampled_from([0, 0.01, 0.37, 0.5, 0.99, 1]))
def test_quantiles_are_numpys(values: list[float], q: float) -> None:
    expected = float(np.quantile(values, q))
    assert counts_of(np.array(values)).quantile(q) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(numbers, numbers)
def test_a_merge_counts_what_one_would(left: list[float], right: list[float]) -> None:
    whole = counts_of(np.array(left), np.array(right))
    merged = counts_of(np.array(left))
    merged.merge(counts_of(np.array(right)))
    for mine, theirs in zip(merged.table(), whole.table(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_grid_stays_exact_for_any_amount_of_data() -> None:
    grid = np.arange(-350, 351) * (0.9375 / 350)
    rng = np.random.default_rng(0)
    batches = [rng.choice(grid, 50_000) for _ in range(8)]
    counts = counts_of(*batches)
    assert counts.exact
    for q in (0.01, 0.99):
        assert counts.quantile(q) == np.quantile(np.concatenate(batches), q)


def test_many_values_cost_a_stated_error_and_no_more_memory() -> None:
    rng = np.random.default_rng(0)
    batches = [rng.normal(0.3, 1, 40_000) for _ in range(25)]
    few, many = counts_of(*batches[:5]), counts_of(*batches)
    assert not many.exact
    entries = [len(counts.table()[0]) for counts in (few, many)]
    assert entries[1] < 1.6 * entries[0]  # five times the data
    values = np.concatenate(batches)
    assert many.table()[1].sum() == len(values)
    for q in (0.01, 0.25, 0.99):
        assert many.quantile(q) == pytest.approx(np.quantile(values, q), rel=RELATIVE_ERROR)


def test_the_order_of_merging_does_not_matter_even_for_rounded_values() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=EXACT_VALUES // 2 + 7) for _ in range(3)]
    tables = []
    for order in ((0, 1, 2), (2, 0, 1)):
        merged = counts_of(parts[order[0]])
        for number in order[1:]:
            merged.merge(counts_of(parts[number]))
        tables.append(merged.table())
    for mine, theirs in zip(*tables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_rounded_counts_stay_so_however_few_they_are_merged_into() -> None:
    rng = np.random.default_rng(0)
    rounded = counts_of(rng.uniform(0.5, 1, EXACT_VALUES * 2))
    assert len(rounded.table()[0]) < EXACT_VALUES / 4
    merged = counts_of(np.array([1 / 3]))
    merged.merge(rounded)
    merged.table()
    assert not merged.exact
    assert 1 / 3 not in merged.table()[0]


@settings(deadline=None)
@given(st.floats(-1e30, 1e30).filter(lambda x: abs(x) > 1e-6))
def test_rounding_keeps_eleven_bits(value: float) -> None:
    rounded = counting._rounded(np.array([value]))[0]
    assert rounded == pytest.approx(value, rel=RELATIVE_ERROR)


def test_what_travels_between_processes_is_counted_first() -> None:
    counts = counts_of(np.repeat([1.0, 2.0], 30_000))
    packed = pickle.dumps(counts)
    assert len(packed) < 1000
    assert pickle.loads(packed).quantile(0.5) == 1.5


def test_nothing_has_no_quantile() -> None:
    assert np.isnan(ValueCounts().quantile(0.5))
    merged = ValueCounts()
    merged.merge(ValueCounts())
    assert np.isnan(merged.quantile(0.5))
