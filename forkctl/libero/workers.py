"""How many processes to use, and how to spread work over them."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import Future, ProcessPoolExecutor
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
    """`work(*call)` for each call, in their order. One worker means this process.

    The processes are forked where that is possible, so that none imports numpy and h5py again; and
    they are started by the call itself, before a progress bar starts a thread.
    """
    if workers <= 1 or len(calls) <= 1:
        return (work(*call) for call in calls)
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(min(workers, len(calls)), mp_context=context)
    return _collected(pool, [pool.submit(work, *call) for call in calls])


def _collected(pool: ProcessPoolExecutor, jobs: list[Future[Result]]) -> Iterator[Result]:
    try:
        while jobs:
            yield jobs.pop(0).result()
    finally:  # after an error or Ctrl-C: finish what runs, start nothing new
        pool.shutdown(wait=True, cancel_futures=True)
