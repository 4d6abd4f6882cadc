from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkctl.libero.units.dimensions import LIBERO_ACTION, Dimension, Dimensions
from forkctl.libero.units.statistics import Accumulator, Statistics

TWO = (Dimension("a", "m", -1, 1, "first"), Dimension("b", "m", -1, 1, "second"))


def measured(dims: Dimensions, batches: list[np.ndarray]) -> Statistics:
    accumulator = Accumulator(dims)
    for rows in batches:
        accumulator.add(rows)
    return accumulator.result()


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 400), min_size=1, max_size=8),
    st.floats(-50, 50),
    st.floats(1e-3, 10),
)
def test_merging_is_the_two_pass_result(
    seed: int, sizes: list[int], centre: float, spread: float
) -> None:
    """Batches of any size, some empty, merged as a tree, against numpy over all rows."""
    if not sum(sizes):
        sizes = [1]
    rng = np.random.default_rng(seed)
    batches = [rng.normal(centre, spread, (size, 2)) for size in sizes]
    parts = []
    for batch in batches:
        part = Accumulator(TWO)
        part.add(batch)
        parts.append(pickle.loads(pickle.dumps(part)))
    while len(parts) > 1:
        parts[0].merge(parts.pop())
        parts.append(parts.pop(0))
    result = parts[0].result()
    rows = np.concatenate(batches)
    assert result.count == len(rows)
    scale = np.abs(rows).max()
    np.testing.assert_allclose(result.mean, rows.mean(axis=0), rtol=1e-12, atol=1e-13 * scale)
    np.testing.assert_allclose(result.std, rows.std(axis=0), rtol=1e-12, atol=1e-13 * scale)
    np.testing.assert_array_equal(result.min, rows.min(axis=0))
    np.testing.assert_array_equal(result.max, rows.max(axis=0))
    np.testing.assert_allclose(result.q99, np.quantile(rows, 0.99, axis=0), rtol=1e-12)


def test_where_the_textbook_formula_in_single_precision_fails() -> None:
    """The first entry of a small turn's 6D form: nearly 1, varying in the third decimal."""
    rng = np.random.default_rng(0)
    rows = 1 - np.abs(rng.normal(0, 0.0019, (60_000, 2)))
    exact = rows.std(axis=0)
    single = rows.astype(np.float32)
    total = np.zeros(2, dtype=np.float32)
    squares = np.zeros(2, dtype=np.float32)
    for batch in np.split(single, 500):
        total += batch.sum(axis=0)
        squares += (batch**2).sum(axis=0)
    mean = total / np.float32(len(rows))
    textbook = np.sqrt(np.maximum(squares / np.float32(len(rows)) - mean**2, 0))
    assert (np.abs(textbook - exact) > 0.01 * exact).all()
    result = measured(TWO, np.split(rows, 500))
    np.testing.assert_allclose(result.std, exact, rtol=1e-12)


def test_near_zero_is_judged_by_the_size_of_the_dimension() -> None:
    dims = (Dimension("m", "m", -0.05, 0.05, ""), Dimension("r", "1", -10, 10, ""))
    rows = np.array([[4e-5, 4e-5], [6e-5, 6e-5], [0, 0.02], [-4e-5, -0.009]])
    result = measured(dims, [rows])
    assert result.near_zero.tolist() == [0.75, 0.75]


def test_nan_and_infinity_are_counted_and_left_out() -> None:
    rows = np.array([[1, np.nan], [3, np.inf], [np.nan, -np.inf], [5, 7]])
    result = measured(TWO, [rows])
    assert result.nonfinite.tolist() == [1, 3]
    assert result.mean.tolist() == [3, 7]
    assert result.min.tolist() == [1, 7]
    assert result.max.tolist() == [5, 7]
    assert result.std[0] == pytest.approx(np.std([1, 3, 5]))
    assert result.q99[1] == 7
    assert result.near_zero.tolist() == [0, 0]


def test_a_dimension_without_a_number_is_nan_and_does_not_spoil_its_neighbour() -> None:
    result = measured(TWO, [np.array([[np.nan, 1.0], [np.nan, 3.0]])])
    assert np.isnan([result.mean[0], result.std[0], result.q01[0], result.min[0]]).all()
    assert (result.mean[1], result.std[1]) == (2, 1)


def test_the_order_of_rows_within_an_action_is_the_order_of_the_dimensions() -> None:
    result = measured(LIBERO_ACTION, [np.arange(14.0).reshape(2, 7)])
    assert result.names[0] == "move_x"
    assert result.names[-1] == "gripper"
    assert result.min.tolist() == [0, 1, 2, 3, 4, 5, 6]
