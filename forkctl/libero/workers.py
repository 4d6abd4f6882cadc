"""Work that is done file by file, in several processes."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Callable, Iterator, Sequence, Tuple, TypeVar

Result = TypeVar("Result")


def cpu_count() -> int:
    """CPUs this process may use, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    work: Callable[..., Result], calls: Sequence[Tuple[Any, ...]], workers: int
) -> Iterator[Result]:
    """`work(*call)` for each call; results as they come. One worker means this process."""
    if workers <= 1 or len(calls) <= 1:
        yield from (work(*call) for call in calls)
        return
    with ProcessPoolExecutor(min(workers, len(calls))) as pool:
        jobs = [pool.submit(work, *call) for call in calls]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:  # after an error or Ctrl-C: finish what runs, start nothing new
            for job in jobs:
                job.cancel()
