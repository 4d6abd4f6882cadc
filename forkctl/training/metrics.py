"""One vocabulary for the metrics of every fork, as JSON lines.

A line has some of: step, epoch, loss, lr, grad_norm, samples_per_s, time (Unix seconds) and split
("train" when absent, or "valid"); other numbers may stand beside them. Overlays write such lines to
the file named by $FORKCTL_METRICS. What upstream itself prints is turned into the same lines where
no overlay writes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

VARIABLE = "FORKCTL_METRICS"
Metric = dict[str, Any]


def parse_line(line: str) -> Metric | None:
    """The metric on a line; None for a line that is not (yet) whole."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def read_metrics(path: Path) -> list[Metric]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [metric for metric in map(parse_line, text.splitlines()) if metric]


def append_metrics(path: Path, metrics: Iterable[Metric]) -> None:
    with path.open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(metric) + "\n" for metric in metrics)


def series(metrics: Iterable[Metric], name: str, split: str = "train") -> list[tuple[float, float]]:
    """(step, value) pairs of one name; where no step was written, the epoch stands for it.

    A resumed run may count its steps from one again, in a later epoch: they follow on the others.
    """
    points: list[tuple[float, float]] = []
    shift, last_epoch = 0.0, 0.0
    for metric in metrics:
        value = _number(metric.get(name))
        at = _number(metric.get("step", metric.get("epoch")))
        if metric.get("split", "train") != split or value is None or at is None:
            continue
        epoch = _number(metric.get("epoch")) or 0.0
        if points and at + shift <= points[-1][0] and epoch > last_epoch:
            shift = points[-1][0] - at + 1
        points.append((at + shift, value))
        last_epoch = epoch
    return points


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
