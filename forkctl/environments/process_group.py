"""Run a training process in a group of its own, keep all that it prints, and end all of it.

Launchers of these upstreams start loader workers and ranks that outlive a parent that was killed,
and hold the GPU. So the whole group is ended, whatever the reason: an error, an end, Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from forkctl.lifetime import end_with

_TICK_SECONDS = 0.25
_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """`returncode` is negative for a signal, as in subprocess; `interrupted` says it was ours."""

    returncode: int
    interrupted: bool


def run_in_group(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    started: Callable[[int], None],
    on_line: Callable[[str], None],
    on_tick: Callable[[], bool],
) -> Outcome:
    """Run to the end. Lines are handed over as they come; a tick comes a few times a second, and
    ends the process where it answers True."""
    with interrupted_by_signals(), log.open("ab", buffering=0) as out:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,  # an upstream that asks on the terminal fails, not waits
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(end_with, os.getpid(), signal.SIGTERM),
        )
        assert child.stdout is not None
        lines = _Lines(on_line)
        interrupted = False

        def take(data: bytes) -> None:
            out.write(data)
            lines.feed(data)

        try:
            started(child.pid)
            _follow(child, take, on_tick)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            end_group(child)
            _drain(child.stdout.fileno(), take)
            child.stdout.close()
        lines.finish()
    return Outcome(child.returncode, interrupted)


def _follow(
    child: subprocess.Popen[bytes],
    take: Callable[[bytes], None],
    on_tick: Callable[[], bool],
) -> None:
    """Until the child has ended: workers that it left behind may hold the pipe open."""
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        ticked = 0.0
        while child.poll() is None:
            if selector.get_map() and selector.select(_TICK_SECONDS):
                data = os.read(child.stdout.fileno(), 1 << 16)
                if data:
                    take(data)
                else:  # it closed its output but still runs
                    selector.unregister(child.stdout)
            elif not selector.get_map():
                time.sleep(_TICK_SECONDS)
            if time.monotonic() - ticked >= _TICK_SECONDS:
                ticked = time.monotonic()
                if on_tick():
                    return
    on_tick()


def _drain(descriptor: int, take: Callable[[bytes], None]) -> None:
    """What is still in the pipe, without waiting for anybody who holds it open."""
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):
        while data := os.read(descriptor, 1 << 16):
            take(data)


def end_group(child: subprocess.Popen[bytes], grace: float = _GRACE_SECONDS) -> None:
    """TERM to the whole group, KILL to what is left of it after a while. Safe to call again."""
    _signal_group(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: wait no longer
        while time.monotonic() < deadline and _group_lives(child):
            time.sleep(0.05)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _group_lives(child: subprocess.Popen[bytes]) -> bool:
    child.poll()  # collect it, or its entry would count as alive
    return _signal_group(child.pid, 0)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP (a lost terminal) act like Ctrl-C: what was started ends with this."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Lines:
    """Bytes to lines; a carriage return ends a line too, as progress bars use it."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (
            (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        )
        for line in whole:
            self._take(line.decode("utf-8", "replace"))

    def finish(self) -> None:
        if self._rest:
            self._take(self._rest.decode("utf-8", "replace"))
            self._rest = b""
