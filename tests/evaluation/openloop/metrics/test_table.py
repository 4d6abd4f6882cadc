from __future__ import annotations

import numpy as np
import pytest

from forkctl.evaluation.openloop.metrics.table import METRICS, compare, measure, measure_tasks
from forkctl.evaluation.openloop.pairs import EpisodePairs, pair_up
from tests.evaluation.demos import apprentice, demonstrations, pairs_of, scale


def test_intervals_hold_the_value_and_are_the_same_each_time():
    pairs = pairs_of(apprentice)
    first, second = measure(pairs, scale()), measure(pairs, scale())
    assert first.cells.keys() == second.cells.keys()
    for key, cell in first.cells.items():
        again = second[key]
        values = [cell.value, cell.low, cell.high]
        assert values == pytest.approx([again.value, again.low, again.high], nan_ok=True)
        if np.isfinite(values).all() and "top_token" not in key[0]:
            assert cell.low - 1e-9 <= cell.value <= cell.high + 1e-9, key


def test_intervals_are_over_demos_not_over_steps():
    """Half of the demos are hopeless: steps are many, but the demos decide the width."""
    parts = [
        EpisodePairs(str(i), "t", y, y if i % 2 else -y) for i, y in enumerate(demonstrations(8))
    ]
    cell = measure(pair_up(parts), scale())["dir_acc", "motion"]
    assert cell.high - cell.low > 0.4


def test_one_demo_gives_no_interval():
    truth = demonstrations(1)[0]
    cell = measure(pair_up([EpisodePairs("a", "t", truth, truth)]), scale())["l1_norm", "motion"]
    assert cell.value == 0
    assert np.isnan([cell.low, cell.high]).all()


def test_a_tasks_numbers_are_those_of_its_demos_alone():
    truths = demonstrations(6)
    parts = [
        EpisodePairs(str(i), "good" if i < 4 else "bad", y, y if i < 4 else -y)
        for i, y in enumerate(truths)
    ]
    tables = measure_tasks(pair_up(parts), scale(), resamples=50)
    assert tables["good"].value("dir_acc", "motion") == 1
    assert tables["bad"].value("inverted", "motion") == 1
    assert (tables["good"].episodes, tables["bad"].episodes) == (4, 2)
    assert tables["bad"].steps == sum(len(y) for y in truths[4:])
    only_bad = measure(pair_up(parts[4:]), scale(), resamples=50)
    assert tables["bad"].value("l1_norm", "rx") == pytest.approx(only_bad.value("l1_norm", "rx"))


def test_a_comparison_is_paired():
    """A small steady gain is certain, though each policy alone varies much from demo to demo."""
    sizes = np.linspace(0.2, 2.0, 12)
    truths = demonstrations(12)

    def arm(share):
        return pair_up(
            [
                EpisodePairs(str(i), "t", y, y + share * size * np.abs(scale().span))
                for i, (y, size) in enumerate(zip(truths, sizes, strict=True))
            ]
        )

    worse, better = arm(0.10), arm(0.09)
    difference = compare(better, worse, scale())["l1_norm", "motion"]
    assert difference.low <= difference.value <= difference.high < 0
    alone = measure(better, scale())["l1_norm", "motion"]
    assert alone.high - alone.low > 5 * (difference.high - difference.low)


def test_a_comparison_needs_the_same_demos():
    with pytest.raises(ValueError, match="same demos"):
        compare(pairs_of(apprentice), pair_up([]), scale())


def test_steps_without_a_number_do_not_spoil_the_others():
    def broken(truth):
        said = apprentice(truth)
        said[3] = np.nan
        return said

    pairs = pairs_of(broken)
    table = measure(pairs.finite(), scale(), resamples=10)
    assert pairs.rows - pairs.finite().rows == len(pairs.episodes)
    assert np.isfinite(table.value("l1_norm", "motion"))


def test_metric_names_are_unique():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
