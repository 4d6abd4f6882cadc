"""What the user sees during a run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from forkctl.escaping import escaped
from forkctl.training.metrics import Metric

_PLAIN_SECONDS = 10.0
_RATE_WINDOW = 50
_PLACES = ("step", "epoch", "time")  # where a metric belongs, and nothing that was measured
_NUMBERS = 8  # of a validation, in one line


class View(Protocol):
    def line(self, text: str) -> None: ...

    def metric(self, metric: Metric) -> None: ...

    def close(self) -> None: ...


class Pace:
    """Where the run is, and how long it will take: from the clock, over the last steps."""

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.step = 0
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque(maxlen=_RATE_WINDOW)

    def reach(self, step: int) -> None:
        self.step = step
        self._seen.append((self._clock(), step))

    @property
    def seconds_left(self) -> float | None:
        if self.total is None or len(self._seen) < 2:
            return None
        (first, low), (last, high) = self._seen[0], self._seen[-1]
        return (self.total - self.step) * (last - first) / (high - low) if high > low else None


def describe(metric: Metric) -> str:
    parts = [
        f"loss {metric['loss']:.4f}" if _is_number(metric.get("loss")) else "",
        f"lr {metric['lr']:.2e}" if _is_number(metric.get("lr")) else "",
        f"{metric['samples_per_s']:.0f} samples/s"
        if _is_number(metric.get("samples_per_s"))
        else "",
    ]
    return "  ".join(part for part in parts if part)


def describe_validation(metric: Metric) -> str:
    """Its loss, or what it measured in the place of one: the first numbers are the most telling."""
    rest = {name: value for name, value in metric.items() if name not in _PLACES}
    numbers = [f"{name} {value:.4g}" for name, value in rest.items() if _is_number(value)]
    step = f", step {metric['step']}" if _is_number(metric.get("step")) else ""
    said = describe(metric) or "  ".join(numbers[:_NUMBERS])
    return f"validation, epoch {metric.get('epoch')}{step}: {said}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def clock_text(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class PlainView:
    """A line every few seconds, and for every validation; readable in any log."""

    def __init__(
        self, total: int | None, out: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pace = Pace(total, clock)
        self._out = out
        self._clock = clock
        self._printed = -_PLAIN_SECONDS
        self._unprinted: Metric | None = None

    def line(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def metric(self, metric: Metric) -> None:
        if metric.get("split") == "valid":
            self.line(describe_validation(metric))
            return
        if isinstance(metric.get("step"), int):
            self._pace.reach(metric["step"])
        self._unprinted = metric
        if self._clock() - self._printed >= _PLAIN_SECONDS:
            self._print()

    def close(self) -> None:
        self._print()

    def _print(self) -> None:
        metric, self._unprinted = self._unprinted, None
        if metric is None:
            return
        self._printed = self._clock()
        left = self._pace.seconds_left
        of = f"/{self._pace.total}" if self._pace.total else ""
        eta = f"  ETA {clock_text(left)}" if left else ""
        self.line(f"step {self._pace.step}{of}  {describe(metric)}{eta}")


class LiveView:
    """A progress bar that stays at the bottom; notable lines scroll above it."""

    def __init__(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._pace = Pace(total)
        self._progress = Progress(
            TextColumn("[bold]step"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TextColumn("{task.fields[eta]}"),
            console=Console(file=sys.__stdout__),  # it controls the terminal itself
        )
        self._task = self._progress.add_task("", total=total, numbers="starting …", eta="")
        self._progress.start()

    def line(self, text: str) -> None:
        self._progress.console.print(escaped(text), markup=False, highlight=False)

    def metric(self, metric: Metric) -> None:
        if metric.get("split") == "valid":
            self.line(describe_validation(metric))
            return
        if isinstance(metric.get("step"), int):
            self._pace.reach(metric["step"])
        left = self._pace.seconds_left
        self._progress.update(
            self._task,
            completed=self._pace.step,
            numbers=describe(metric),
            eta=f"ETA {clock_text(left)}" if left else "",
        )

    def close(self) -> None:
        self._progress.stop()


def view_for(total: int | None) -> View:
    return LiveView(total) if sys.stdout.isatty() else PlainView(total, sys.stdout)
