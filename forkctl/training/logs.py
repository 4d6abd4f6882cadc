"""The log of a run: its end, or all that comes until the run has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator

from forkctl.reading import LARGE, read_bytes
from forkctl.training import records
from forkctl.training.records import Run

_POLL_SECONDS = 0.5


def tail(run: Run, lines: int | None) -> tuple[list[str], int]:
    """The last lines, and where in the log they end: `follow` goes on from there."""
    try:
        data = read_bytes(run.log, LARGE)
    except FileNotFoundError:
        return [], 0
    # of a progress bar, only its last state
    whole = [
        line.rstrip("\r").rpartition("\r")[2]
        for line in data.decode("utf-8", "replace").split("\n")
    ]
    whole = whole[:-1] if whole[-1] == "" else whole
    return (whole if lines is None else whole[len(whole) - min(lines, len(whole)) :]), len(data)


def follow(run: Run, start: int) -> Iterator[str]:
    """What the log gains after `start`, as it comes; ends when the run has ended."""
    with run.log.open("rb") as log:
        log.seek(start)
        while True:
            ended = records.load(run.folder).status != records.RUNNING  # before reading the rest
            data = log.read()
            if data:
                yield data.decode("utf-8", "replace")
            elif ended:
                return
            else:
                time.sleep(_POLL_SECONDS)
