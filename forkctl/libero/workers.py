"""How many processes to use."""

from __future__ import annotations

import os


def cpu_count() -> int:
    """CPUs this process may use, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
