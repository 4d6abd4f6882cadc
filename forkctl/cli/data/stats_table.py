"""Statistics as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units.measure import DatasetStatistics
from forkctl.libero.units.published import PublishedStatistics
from forkctl.libero.units.statistics import Statistics

_FIELDS = ("mean", "std", "q01", "q99", "min", "max")
# Where no terminal sets the width, as in a file or a pipe.
_PLAIN_WIDTH = 110


def print_statistics(
    measured: DatasetStatistics, known: PublishedStatistics | None, hold: int
) -> None:
    """`known` is shown under the rows of its own convention."""
    console = Console(width=None if Console().is_terminal else _PLAIN_WIDTH, highlight=False)
    rate = f", actions held for {hold} steps ({CONTROL_HZ / hold:g} Hz)" if hold > 1 else ""
    console.print(
        f"{_many(measured.files, 'file')}, {_many(measured.demos, 'demo')}, "
        f"{_many(measured.steps, 'step')} ({measured.shortest} to {measured.longest} per demo)"
        f"{rate}; {measured.noop_share:.1%} no-ops as stored"
    )
    for name, statistics in measured.actions.items():
        other = known if known is not None and name == known.convention else None
        console.print(_table(f"actions, {name}", statistics, other.fields if other else {}))
        if other:
            console.print(_published_line(other), style="dim")
    for name, statistics in measured.states.items():
        console.print(_table(f"states, {name}", statistics, {}))


def _table(title: str, statistics: Statistics, published: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("unit", style="dim")
    for field in (*_FIELDS, "near 0"):
        table.add_column(field, justify="right")
    for row, dimension in enumerate(statistics.dims):
        cells = [_cell(getattr(statistics, field)[row]) for field in _FIELDS]
        near_zero = f"{statistics.near_zero[row]:.1%}"
        table.add_row(dimension.name, dimension.unit, *cells, near_zero)
        if published:
            known = [_cell(published[f][row]) if f in published else "" for f in _FIELDS]
            table.add_row("  published", "", *known, "", style="dim")
    bad = int(statistics.nonfinite.sum())
    if bad:
        table.caption = f"{bad} values are NaN or infinite, and left out"
    return table


def _published_line(known: PublishedStatistics) -> str:
    counts = f" {known.demos} demos, {known.steps:,} steps." if known.demos and known.steps else ""
    return f"Published: {known.source}{counts}"


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
