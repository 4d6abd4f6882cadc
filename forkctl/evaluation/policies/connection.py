"""A process in another environment that answers messages over a pipe, and ends with this one."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forkctl.errors import ForkctlError
from forkctl.inside.protocol import BrokenMessage, read_message, write_message
from forkctl.reading import reason

LOG_TAIL = 15  # lines of a process's log that an error shows
STOP_SECONDS = 10
# Much longer than a 7B model takes to load from a network disk, or to answer on a CPU.
PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True)
class Launch:
    """How an environment's Python is started."""

    python: str
    env: Mapping[str, str]
    cwd: Path | None = None


@contextmanager
def connect(
    launch: Launch,
    words: Sequence[str],
    log: Path,
    who: str,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Connection]:
    """Start it in a process group of its own, and end it with everything that it started. Should
    this process be killed, it does that itself (see `forkctl.inside.serving`).

    `who` is what errors call it. Its output goes to `log`. One that takes longer than `patience`
    seconds for an answer hangs, and is ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(
                [launch.python, "-m", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env=dict(launch.env),
                cwd=launch.cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise ForkctlError(
                f"cannot start the environment's Python: {reason(error)}", where=launch.python
            ) from error
    connection = Connection(process, log, who, patience)
    try:
        yield connection
    except BaseException:
        connection.kill()  # it may be busy for minutes
        raise
    finally:
        connection.close()


class Connection:
    """Asks and answers; a failure becomes an error that shows the log."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, who: str, patience: float
    ) -> None:
        self.process = process
        self.log = log
        self.who = who
        self.patience = patience

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self.kill()

        watchdog = threading.Timer(self.patience, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            return self._answer(message)
        except ForkctlError:
            if not late.is_set():
                raise
            text = f"the {self.who} gave no answer for {self.patience:.0f} s, and was ended"
            raise self._failure(text) from None
        finally:
            watchdog.cancel()

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            write_message(self.process.stdin, message)
            answer = read_message(self.process.stdout)
        except BrokenPipeError:
            answer = read_message(self.process.stdout)  # its last word, if it had one
        except BrokenMessage as error:
            raise self._failure(f"the {self.who}'s process sent garbage: {error}") from error
        if answer is None:
            code = self.process.wait()
            raise self._failure(f"the {self.who}'s process ended with exit code {code}")
        if "error" in answer:
            raise self._failure(f"the {self.who} failed: {answer['error']}")
        return answer

    def _failure(self, message: str) -> ForkctlError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        tail = "\n".join(f"    {line}" for line in lines[-LOG_TAIL:])
        return ForkctlError(
            f"{message}\n{tail}" if tail else message,
            where=str(self.log),
            hint="the log has the whole story; what was recorded so far is kept",
        )

    def kill(self) -> None:
        """End it at once, and everything that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close its input, which asks it to end, and kill it if it does not."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
