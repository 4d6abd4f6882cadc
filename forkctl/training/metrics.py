"""One vocabulary for the metrics of every fork, as JSON lines.

A line has some of: step, epoch, loss, lr, grad_norm, samples_per_s, time (Unix seconds) and split
("train" when absent, or "valid"); other numbers may stand beside them. Overlays write such lines
with `forkctl.inside.metrics`. What upstream itself prints is turned into the same lines where no
overlay writes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from forkctl.reading import LARGE, read_bytes

Metric = dict[str, Any]


def parse_line(line: str) -> Metric | None:
    """The metric on a line; None for a line that is not (yet) whole."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def read_metrics(path: Path) -> list[Metric]:
    try:
        text = read_bytes(path, LARGE).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [metric for metric in map(parse_line, text.splitlines()) if metric]


def series(metrics: Iterable[Metric], name: str, split: str = "train") -> list[tuple[float, float]]:
    """(step, value) pairs of one name; where no step was written, the epoch stands for it.

    What a resumed run did again replaces what it did before.
    """
    points: list[tuple[float, float]] = []
    timeline = Timeline()
    for metric in metrics:
        value = _number(metric.get(name))
        if metric.get("split", "train") != split or value is None:
            continue
        at, again = timeline.place(metric)
        if at is None:
            continue
        while again and points and points[-1][0] >= at:
            points.pop()
        points.append((at, value))
    return points


class Timeline:
    """Steps of the whole run. Where a resumed one counts from the start again, as scripts may, its
    steps follow those of the epochs before the one that it goes on with."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._shift = 0.0
        self._last = -math.inf
        self._ends: dict[float, float] = {}  # epoch -> its last step

    def place(self, metric: Metric) -> tuple[float | None, bool]:
        """The step of a metric, and whether it may have been made before."""
        step, epoch = _number(metric.get("step")), _number(metric.get("epoch"))
        if step is None:
            return epoch, False
        self._first = step if self._first is None else self._first
        again = step <= self._last
        if again and step <= self._first and epoch is not None:
            earlier = [end for other, end in self._ends.items() if other < epoch]
            self._shift = max(earlier, default=0.0)
        self._last = step
        if epoch is not None:
            self._ends[epoch] = step + self._shift
        return step + self._shift, again


def with_step(metric: Metric, timeline: Timeline) -> Metric:
    """The metric at its step of the whole run."""
    step, _ = timeline.place(metric)
    return {**metric, "step": None if step is None else int(step)}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


class MetricsFile:
    """New lines of a growing metrics file, without reading the old ones again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def new(self) -> list[Metric]:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]  # a line that is being written waits
        self._offset += len(whole)
        lines = whole.decode("utf-8", "replace").splitlines()
        return [metric for metric in map(parse_line, lines) if metric]
