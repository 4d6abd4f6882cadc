"""The log of a run: its end, or all that comes until the run has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator

from forkctl.training import records
from forkctl.training.records import Run

_POLL_SECONDS = 0.5


def tail(run: Run, lines: int | None) -> list[str]:
    try:
        text = run.log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    # of a progress bar, only its last state
    whole = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    whole = whole[:-1] if whole[-1] == "" else whole
    return whole if lines is None else whole[-lines:] if lines else []


def follow(run: Run) -> Iterator[str]:
    """What the log gains from now on, as it comes; ends when the run has ended."""
    with run.log.open("r", encoding="utf-8", errors="replace", newline="") as log:
        log.seek(0, 2)
        while True:
            ended = records.load(run.folder).status != records.RUNNING
            text = log.read()
            if text:
                yield text
            elif ended:
                return
            else:
                time.sleep(_POLL_SECONDS)
