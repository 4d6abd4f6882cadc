"""The child processes of one command: started, kept track of and ended here.

A child that writes into a fork tree inherits the workspace lock. If only forkctl is killed, its
orphans keep the lock until they are done, so a rerun never works beside them. Children that talk to
a network do not inherit it: a credential helper may leave a long-lived daemon behind, and such
children write only into a quarantine (see `cache`).
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from forkctl.errors import ForkctlError

_GRACE_SECONDS = 5.0


class Finished(NamedTuple):
    returncode: int
    stdout: bytes
    stderr: str


class NotInstalled(ForkctlError):
    """A program that is to be started is not here."""


class Interrupted(Exception):
    """The command is ending; no further child may start."""


class Children:
    def __init__(self, lock_fd: int | None = None) -> None:
        self._lock_fd = lock_fd
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()
        self._ending = False

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stderr: int = subprocess.PIPE,
        inherit_lock: bool = True,
    ) -> subprocess.Popen[bytes]:
        keep = (self._lock_fd,) if inherit_lock and self._lock_fd is not None else ()
        with self._guard:
            if self._ending:
                raise Interrupted
            try:
                child = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=env,
                    cwd=cwd,
                    pass_fds=keep,
                )
            except FileNotFoundError as error:
                if error.filename != argv[0]:  # the folder to start in
                    raise
                raise NotInstalled(
                    "not found in any folder of PATH",
                    where=argv[0],
                    hint=f"install {argv[0]}, or add its folder to PATH; then `forkctl doctor`",
                ) from None
            self._running.add(child)
        return child

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        with self._guard:
            self._running.discard(child)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: bytes = b"",
        on_stderr: Callable[[str], None] | None = None,
        inherit_lock: bool = True,
    ) -> Finished:
        """Run to the end. `on_stderr` gets each line as it comes (git ends progress with CR)."""
        child = self.start(argv, env=env, cwd=cwd, inherit_lock=inherit_lock)
        try:
            if on_stderr is None:
                out, err = child.communicate(stdin)
            else:
                out, err = _communicate_with_progress(child, stdin, on_stderr)
        except BaseException:
            _end(child)
            raise
        finally:
            self.forget(child)
        return Finished(child.returncode, out, err.decode("utf-8", "replace"))

    def end_all(self) -> None:
        """End every child that is still running; none can start afterwards."""
        with self._guard:
            self._ending = True
            running = list(self._running)
        for child in running:
            child.terminate()
        for child in running:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _communicate_with_progress(
    child: subprocess.Popen[bytes], stdin: bytes, on_stderr: Callable[[str], None]
) -> tuple[bytes, bytes]:
    assert child.stdin and child.stdout and child.stderr
    kept: list[bytes] = []

    def read_stderr() -> None:
        assert child.stderr
        buffer = b""
        while chunk := child.stderr.read1(4096):  # type: ignore[attr-defined]
            *lines, buffer = (buffer + chunk).replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                kept.append(line)
                on_stderr(line.decode("utf-8", "replace"))
        kept.append(buffer)

    reader = threading.Thread(target=read_stderr, daemon=True)
    reader.start()
    try:
        child.stdin.write(stdin)
        child.stdin.close()
    except BrokenPipeError:
        pass  # it died early; its exit status and stderr say why
    out = child.stdout.read()
    child.wait()
    reader.join()
    return out, b"\n".join(kept)
