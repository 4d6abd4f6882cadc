"""What a file can be, and a limit on time and memory for whoever opens it."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 60
MEMORY = 2 << 30  # above what the process has: a file that is read whole is far larger
HUGE = 6 << 30


def cut(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2] or b"{")


# what is at a path where the command expects something else; it is given what was there
States = dict[str, Callable[[Path, bytes], object]]
STATES: States = {
    "missing": lambda path, was: None,
    "unreadable": lambda path, was: path.symlink_to("/proc/self/mem"),  # for root, too
    "folder": lambda path, was: path.mkdir(),
    "pipe": lambda path, was: os.mkfifo(path),
    "device": lambda path, was: path.symlink_to("/dev/zero"),
    "full": lambda path, was: path.symlink_to("/dev/full"),
    "dangling": lambda path, was: path.symlink_to("nowhere"),
    "cyclic": lambda path, was: path.symlink_to(path.name),
    "empty": lambda path, was: path.touch(),
    "cut": cut,
    "binary": lambda path, was: path.write_bytes(bytes(range(256)) * 8),
    "deep": lambda path, was: path.write_bytes(b"[" * 100_000),
    "other": lambda path, was: path.write_text('[{"a": 1}, null]\n'),
    "huge": lambda path, was: huge(path),
}


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE)


def put(path: Path, state: str) -> None:
    """Bring a path to a state, whatever was there."""
    was = path.read_bytes() if path.is_file() else b""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    STATES[state](path, was)


@contextmanager
def limited() -> Iterator[None]:
    """An end to waiting for a pipe, and to reading what never ends."""

    def waited_too_long(number: int, frame: object) -> None:
        raise AssertionError("it waits for what never comes")

    before = signal.signal(signal.SIGALRM, waited_too_long)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, memory[1]))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, memory)
        signal.signal(signal.SIGALRM, before)
