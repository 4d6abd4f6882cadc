"""How a process that is spoken to over a pipe begins and ends, whatever it holds."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import BinaryIO

from forkctl.inside.protocol import write_message

_LOOK_SECONDS = 0.5


def answer_with(serve: Callable[[BinaryIO, BinaryIO], None]) -> int:
    """Run `serve(questions, answers)`; an exception goes to the other end, and ends the process."""
    # Libraries print. Their output goes to the log; the pipe is ours alone.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        serve(sys.stdin.buffer, answers)
    except Exception as error:
        traceback.print_exc()
        write_message(answers, {"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def _end_with(parent: int) -> None:
    """Whoever asked may be killed while an answer takes minutes: end then, and all that was started
    here, instead of holding a GPU for nothing."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def module_named(name: str) -> ModuleType:
    """A module, or a Python file of the user's own."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("forkctl_own_file", name)
    if spec is None or spec.loader is None:
        raise ImportError("cannot import " + name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
