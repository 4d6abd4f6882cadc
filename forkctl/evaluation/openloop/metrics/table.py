"""All metrics at once, with bootstrap intervals over episodes, overall and per task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forkctl.evaluation.dimensions import COLUMNS, Floats, column_members
from forkctl.evaluation.openloop.metrics import direction, distance, gripper, naive, tokens
from forkctl.evaluation.openloop.metrics.metric import Metric, Sums, Totals
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale

MODULES = (distance, direction, gripper, tokens, naive)
METRICS: tuple[Metric, ...] = tuple(metric for module in MODULES for metric in module.METRICS)
METRIC = {metric.name: metric for metric in METRICS}
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and its bootstrap interval. With one episode there is no interval: NaN."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Table:
    """The metrics of one set of rows: (metric name, column) -> estimate."""

    cells: Mapping[tuple[str, str], Estimate]
    episodes: int
    steps: int

    def __getitem__(self, key: tuple[str, str]) -> Estimate:
        return self.cells[key]

    def value(self, metric: str, column: str) -> float:
        return self.cells[metric, column].value


def all_sums(pairs: Pairs, scale: Scale) -> Sums:
    sums: Sums = {}
    for module in MODULES:
        sums.update(module.sums(pairs, scale))
    return sums


def measure(pairs: Pairs, scale: Scale, *, resamples: int = 1000, seed: int = 0) -> Table:
    """Every metric for every column."""
    return _table(all_sums(pairs, scale), pairs.rows, len(pairs.episodes), resamples, seed)


def measure_tasks(
    pairs: Pairs, scale: Scale, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Table]:
    """Every metric for each task's episodes."""
    sums = all_sums(pairs, scale)
    tables = {}
    for task in sorted(set(pairs.tasks)):
        chosen = [number for number, name in enumerate(pairs.tasks) if name == task]
        part = {name: values[chosen] for name, values in sums.items()}
        rows = int(part["steps"][:, 0].sum())
        tables[task] = _table(part, rows, len(chosen), resamples, seed)
    return tables


def compare(
    better: Pairs, than: Pairs, scale: Scale, *, resamples: int = 1000, seed: int = 0
) -> Table:
    """The difference of every metric. Paired: both policies are resampled over the same demos."""
    if better.episodes != than.episodes:
        raise ValueError("a comparison needs the same demos on both sides")
    episodes = len(better.episodes)
    draws = _draws(episodes, resamples, seed)
    first, second = all_sums(better, scale), all_sums(than, scale)
    everything = np.ones((1, episodes))
    values = _values(first, everything) - _values(second, everything)
    samples = _values(first, draws) - _values(second, draws) if episodes > 1 else None
    return Table(_cells(values, samples), episodes, better.rows)


def _table(sums: Sums, rows: int, episodes: int, resamples: int, seed: int) -> Table:
    values = _values(sums, np.ones((1, episodes)))
    samples = _values(sums, _draws(episodes, resamples, seed)) if episodes > 1 else None
    return Table(_cells(values, samples), episodes, rows)


def _draws(episodes: int, resamples: int, seed: int) -> Floats:
    """How often each episode is drawn in each bootstrap sample."""
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(episodes, np.full(episodes, 1 / episodes), size=resamples)
    return draws.astype(np.float64)


def _cells(values: Floats, samples: Floats | None) -> dict[tuple[str, str], Estimate]:
    cells = {}
    for number, metric in enumerate(METRICS):
        for column, name in enumerate(COLUMNS):
            if name in metric.columns:
                low, high = _interval(None if samples is None else samples[number, :, column])
                cells[metric.name, name] = Estimate(float(values[number, 0, column]), low, high)
    return cells


def _values(sums: Sums, weights: Floats) -> Floats:
    """(metrics, samples, columns) for (samples, episodes) of weights."""
    members = column_members()
    totals: Totals = {
        name: np.moveaxis(np.tensordot(np.tensordot(weights, each, 1), members, ([1], [1])), -1, 1)
        for name, each in sums.items()
    }
    return np.stack([metric.masked(totals) for metric in METRICS])


def _interval(samples: Floats | None) -> tuple[float, float]:
    if samples is None or np.isnan(samples).all():
        return (float("nan"), float("nan"))
    edge = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(samples, [edge, 1 - edge])
    return (float(low), float(high))
