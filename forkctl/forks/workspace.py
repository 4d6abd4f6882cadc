"""The folder with forks.toml, and the one lock on everything below it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from forkctl.errors import ForkctlError, UsageError
from forkctl.forks.processes import Children

MANIFEST_NAME = "forks.toml"


class Workspace(NamedTuple):
    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / MANIFEST_NAME

    @property
    def lock_file(self) -> Path:
        return self.root / "forks.lock"

    @property
    def patches(self) -> Path:
        return self.root / "patches"

    @property
    def overlays(self) -> Path:
        return self.root / "overlays"

    @property
    def forks(self) -> Path:
        return self.root / "forks"

    def tree(self, name: str) -> Path:
        return self.forks / name

    @property
    def work_area(self) -> Path:
        """Where trees are built and removed: beside them, so that a rename moves them."""
        return self.forks / ".forkctl"

    @property
    def save_journal(self) -> Path:
        """What a save that is not finished adds to the series; see `saving`."""
        return self.forks / ".save.json"


def find_workspace(start: Path | None = None) -> Workspace:
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / MANIFEST_NAME).is_file():
            return Workspace(folder)
    raise UsageError(
        f"there is no {MANIFEST_NAME} here or in a folder above",
        where=str(here),
        hint="change into a workspace, or start one here with the shipped forks: `forkctl init`",
    )


def sweep_work_area(workspace: Workspace) -> None:
    """Remove what interrupted runs left half-built or half-removed. Everything in it is ours."""
    if workspace.work_area.exists() and not workspace.forks.is_symlink():
        from forkctl.atomic import remove_folder

        remove_folder(workspace.work_area)


class Busy(ForkctlError):
    """Another forkctl holds the lock, and the caller did not want to wait."""


@contextlib.contextmanager
def locked(
    workspace: Workspace,
    command: str,
    *,
    wait: bool = True,
    say: Callable[[str], None] | None = None,
) -> Iterator[Children]:
    """Lock the workspace; the yielded children are ended when the command is interrupted."""
    with (
        lock_on(workspace.root / ".forkctl.lock", command, wait=wait, say=say) as lock_fd,
        ended_with_the_command(Children(lock_fd)) as children,
    ):
        yield children


@contextlib.contextmanager
def ended_with_the_command(children: Children) -> Iterator[Children]:
    """End the children unless the block ends normally; treat SIGTERM as an interrupt."""
    with _terminated_like_interrupted():
        try:
            yield children
        except BaseException:
            children.end_all()
            raise


@contextlib.contextmanager
def lock_on(
    path: Path,
    command: str,
    *,
    wait: bool = True,
    say: Callable[[str], None] | None = None,
) -> Iterator[int]:
    """An flock: the kernel frees it when its last holder is gone, so it never goes stale."""
    with _waits.turn(path), _flock(path, command, wait, say) as fd:
        yield fd


@contextlib.contextmanager
def _flock(
    path: Path, command: str, wait: bool, say: Callable[[str], None] | None
) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ForkctlError(
            f"the lock cannot be opened: {error.strerror}",
            where=str(path),
            hint="the folder must be writable, with space left on its disk",
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode("utf-8", "replace").strip() or "another forkctl"
            if not wait:
                raise Busy(f"{holder} is running here", where=str(path.parent)) from None
            (say or _waits.say)(f"waiting for {holder} (or git processes it started) …")
            fcntl.flock(fd, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):  # a full disk must not keep the user from the lock
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{command}, process {os.getpid()}".encode(), 0)
        yield fd
    finally:
        os.close(fd)


class _Waits:
    """What this process waits for: its own threads without a word, another process with one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turns: dict[Path, threading.Lock] = {}
        self._said: set[str] = set()

    def turn(self, path: Path) -> threading.Lock:
        with self._guard:
            return self._turns.setdefault(path, threading.Lock())

    def say(self, message: str) -> None:
        """Once of each process, though many forks may wait for it."""
        process = message.partition(", process ")[2].partition(" ")[0]
        with self._guard:
            if process not in self._said:
                print(message, file=sys.stderr, flush=True)
            self._said.add(process)


_waits = _Waits()


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {which: signal.signal(which, interrupt) for which in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
