"""Curves of runs: as text for the terminal, as PNG with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError, UsageError

Points = Sequence[tuple[float, float]]
_MARKS = "*o+x#@"


@dataclass(frozen=True)
class Curve:
    label: str
    points: Points


def smoothed(points: Points, window: int) -> list[tuple[float, float]]:
    """A running mean over the last `window` values."""
    total = 0.0
    result = []
    for number, (at, value) in enumerate(points):
        total += value
        if number >= window:
            total -= points[number - window][1]
        result.append((at, total / min(number + 1, window)))
    return result


def require_points(curves: Sequence[Curve], metric: str) -> None:
    empty = [curve.label for curve in curves if not curve.points]
    if empty:
        raise UsageError(
            f"no values of {metric} in {', '.join(empty)}",
            hint="`forkctl runs show RUN` names the metrics that there are",
        )


def as_text(curves: Sequence[Curve], metric: str, width: int = 72, height: int = 16) -> str:
    """A chart of characters; each column shows the mean of the values that fall into it."""
    require_points(curves, metric)
    xs = [at for curve in curves for at, _ in curve.points]
    left, right = min(xs), max(xs)
    binned = [_binned(curve.points, left, right, width) for curve in curves]
    values = [value for row in binned for value in row if value is not None]
    low, high = min(values), max(values)
    grid = [[" "] * width for _ in range(height)]
    for number, row in enumerate(binned):
        for column, value in enumerate(row):
            if value is not None:
                share = (value - low) / (high - low) if high > low else 0.5
                grid[height - 1 - round(share * (height - 1))][column] = _mark(number)
    labels = {0: f"{high:.4g}", height - 1: f"{low:.4g}"}
    margin = max(len(label) for label in labels.values())
    lines = [
        f"{labels.get(number, ''):>{margin}} |{''.join(row).rstrip()}"
        for number, row in enumerate(grid)
    ]
    lines.append(" " * margin + " +" + "-" * width)
    start, end = f"{left:g}", f"{right:g}"
    lines.append(" " * (margin + 2) + start + end.rjust(width - len(start)))
    lines += [f"{_mark(number)} {curve.label}" for number, curve in enumerate(curves)]
    return "\n".join([f"{metric} over steps", *lines])


def _mark(number: int) -> str:
    return _MARKS[number % len(_MARKS)]


def _binned(points: Points, left: float, right: float, width: int) -> list[float | None]:
    sums, counts = [0.0] * width, [0] * width
    for at, value in points:
        share = (at - left) / (right - left) if right > left else 0.0
        column = min(width - 1, math.floor(share * width))
        sums[column] += value
        counts[column] += 1
    return [sums[n] / counts[n] if counts[n] else None for n in range(width)]


def write_png(curves: Sequence[Curve], metric: str, path: Path, window: int) -> None:
    """The values faint, their running mean strong."""
    require_points(curves, metric)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ForkctlError(
            "matplotlib is not installed", hint="pip install 'forkctl[report]'"
        ) from None
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, curve in enumerate(curves):
        colour = f"C{number}"
        steps = [at for at, _ in curve.points]
        axes.plot(steps, [value for _, value in curve.points], color=colour, alpha=0.25)
        mean = [value for _, value in smoothed(curve.points, window)]
        axes.plot(steps, mean, color=colour, label=curve.label)
    axes.set(xlabel="step", ylabel=metric)
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
