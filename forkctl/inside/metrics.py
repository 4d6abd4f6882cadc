"""JSON lines for the file that FORKCTL_METRICS names; `forkctl.training.metrics` reads them.

A step is one of the optimiser, an epoch one pass over the data. Both are those of the whole run,
also after a resume, and the first of each is 1.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "FORKCTL_METRICS"


def asked_for() -> Path | None:
    """Where lines go; None if none were asked for."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path else None


def append_line(path: Path, values: Mapping[str, Any]) -> None:
    """One write, so that a reader who follows the file never sees half a line for long."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(values) + "\n")


class StepMetrics:
    """Of one process of a run; those of the others have no path, and write nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last: int | None = None
        self.start_clock()

    def start_clock(self) -> None:
        """What happens between two steps (saving, say) is not the time of a step."""
        self._since = time.perf_counter()

    def next_step(self, epoch: int) -> int:
        """For upstreams that do not count steps over a run."""
        if self._last is None:
            self._last = self._steps_before(epoch)
        self._last += 1
        return self._last

    def step(
        self,
        step: int,
        epoch: int,
        samples: int,
        *,
        loss: float | None,
        lr: float | None,
        grad_norm: float | None,
        seconds: float | None = None,
        **others: float,
    ) -> dict[str, Any]:
        """The line of a step; `seconds` where upstream has its own clock."""
        if seconds is None:
            seconds = time.perf_counter() - self._since
        line = {
            "step": step,
            "epoch": epoch,
            "loss": loss,
            "lr": lr,
            "grad_norm": grad_norm,
            "samples_per_s": round(samples / max(seconds, 1e-9), 3),
            **others,
        }
        self._write(line)
        return line

    def valid(self, step: int, epoch: int, errors: Mapping[str, float]) -> None:
        self._write({"step": step, "epoch": epoch, "split": "valid", **errors})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._path is not None:
            append_line(self._path, {**line, "time": round(time.time(), 3)})
        self.start_clock()

    def _steps_before(self, epoch: int) -> int:
        """A run that goes on repeats the epoch in which it stopped: the last step before that."""
        if self._path is None or not self._path.exists():
            return 0
        for text in reversed(self._path.read_text(encoding="utf-8").splitlines()):
            try:
                line = json.loads(text)
            except ValueError:  # cut short
                continue
            if "step" in line and line["epoch"] < epoch:
                return int(line["step"])
        return 0
