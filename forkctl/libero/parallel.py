"""Work spread over processes."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, Callable, Dict, Iterator, Sequence, TypeVar

from forkctl.lifetime import end_with

Item = TypeVar("Item")
Result = TypeVar("Result")


def cpu_count() -> int:
    """The CPUs that this process may use: in a container, fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_order(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int
) -> Iterator[Result]:
    """`work` of each item, in the order of the items; no result is kept once it is handed on.

    The processes are forked where that is possible, so that none imports numpy and h5py again. The
    call itself starts them, before a progress bar starts a thread.
    """
    if jobs <= 1 or len(items) <= 1:
        return map(work, items)
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    context = multiprocessing.get_context(method)
    ends: Dict[str, Any] = {"initializer": end_with, "initargs": (os.getpid(),)}
    pool = ProcessPoolExecutor(min(jobs, len(items)), mp_context=context, **ends)
    return _collected(pool, [pool.submit(work, item) for item in items])


def _collected(pool: ProcessPoolExecutor, futures: list[Future[Result]]) -> Iterator[Result]:
    try:
        while futures:
            yield futures.pop(0).result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
