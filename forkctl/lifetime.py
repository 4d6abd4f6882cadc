"""A child that ends with its parent, whatever ends that. Standard library only, Python 3.9.

A parent that is killed cannot end its children, and a child in a C call, such as HDF5 in a cyclic
file, hears nothing of a closed pipe: the kernel must do it. Only Linux does; elsewhere a child ends
when it next reads or writes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_SET_SIGNAL_OF_PARENTS_DEATH = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # found before any fork


def end_with(parent: int | None = None, by: int = signal.SIGKILL) -> None:
    """For the child itself to call: `preexec_fn=partial(end_with, os.getpid())`.

    The thread that started the child counts as its parent, and must live as long as the child is
    wanted. `by` SIGTERM lets one that has children of its own end these first, as torchrun does.
    """
    if _prctl is not None:
        _prctl(_SET_SIGNAL_OF_PARENTS_DEATH, by)
    if parent is not None and os.getppid() != parent:  # it has ended already
        os.kill(os.getpid(), by)
