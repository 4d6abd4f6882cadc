"""A policy in another process: the fork's own Python, its own tree, its own libraries."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.evaluation.policy import Conventions, Policy, Prediction, Query
from forkctl.evaluation.workers.protocol import BrokenMessage, read_message, write_message

LOG_TAIL = 15  # lines of a worker's log that an error shows
STOP_SECONDS = 10


@dataclass(frozen=True)
class Launch:
    """How a fork's Python is started; the run layer knows."""

    python: str
    env: Mapping[str, str]
    cwd: Path | None = None


@dataclass(frozen=True)
class RemotePolicy:
    """A policy that is loaded by `open`. `policy` is a worker module's name or a file's path."""

    policy: str
    checkpoint: Path
    launch: Launch
    log: Path
    device: str = "cpu"
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def identity(self) -> Mapping[str, object]:
        return {
            "policy": self.policy,
            "checkpoint": str(self.checkpoint),
            "fingerprint": fingerprint(self.checkpoint),
            "options": dict(self.options),
        }

    @contextmanager
    def open(self) -> Iterator[Policy]:
        """Started in a group of its own, and ended with everything that it started."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            try:
                process = subprocess.Popen(
                    [self.launch.python, "-m", "forkctl.evaluation.workers", self.policy],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=dict(self.launch.env),
                    cwd=self.launch.cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise ForkctlError(
                    f"cannot start the environment's Python: {error}", where=self.launch.python
                ) from error
        connection = _Connection(process, self.log)
        try:
            ready = connection.ask(
                {
                    "checkpoint": str(self.checkpoint),
                    "device": self.device,
                    "options": dict(self.options),
                }
            )
            yield _Loaded(connection, Conventions.from_json(ready["ready"]))
        except BaseException:
            connection.kill()  # it may be in the middle of a long computation
            raise
        finally:
            connection.close()


@dataclass(frozen=True)
class _Loaded:
    connection: _Connection
    conventions: Conventions

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return self._ask(queries, seed, {})

    def predict_as(self, variant: str, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return self._ask(queries, seed, {"variant": variant})

    def _ask(
        self, queries: Sequence[Query], seed: int, more: Mapping[str, object]
    ) -> Sequence[Prediction]:
        answer = self.connection.ask(
            {
                "observations": [dict(query.observation) for query in queries],
                "instructions": [query.instruction for query in queries],
                "seed": seed,
                **more,
            }
        )
        return [_prediction(each) for each in answer["predictions"]]


def _prediction(answer: Mapping[str, Any]) -> Prediction:
    tokens = answer.get("tokens")
    return Prediction(
        np.asarray(answer["actions"], dtype=np.float64),
        None if tokens is None else np.asarray(tokens, dtype=np.int64),
        answer.get("invalid"),
    )


class _Connection:
    """Questions and answers, and what went wrong in words."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            write_message(self.process.stdin, message)
            answer = read_message(self.process.stdout)
        except BrokenPipeError:
            answer = read_message(self.process.stdout)  # its last word, if it had one
        except BrokenMessage as error:
            raise self._failure(f"the policy's process broke off: {error}") from error
        if answer is None:
            code = self.process.wait()
            raise self._failure(f"the policy's process ended with {code}")
        if "error" in answer:
            raise self._failure(f"the policy failed: {answer['error']}")
        return answer

    def _failure(self, message: str) -> ForkctlError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        tail = "\n".join(f"    {line}" for line in lines[-LOG_TAIL:])
        return ForkctlError(
            f"{message}\n{tail}" if tail else message,
            where=str(self.log),
            hint="The log has the whole story. What was predicted so far is kept.",
        )

    def kill(self) -> None:
        """End it at once, with everything that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Closing its input asks it to end; if it does not, it is killed."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


def fingerprint(checkpoint: Path) -> list[list[object]]:
    """Names, sizes and times of a checkpoint's files: it changes when one of them does."""
    files = sorted(checkpoint.rglob("*")) if checkpoint.is_dir() else [checkpoint]
    if not checkpoint.exists():
        raise ForkctlError("no checkpoint here", where=str(checkpoint))
    return [
        [str(file.relative_to(checkpoint.parent)), file.stat().st_size, file.stat().st_mtime_ns]
        for file in files
        if file.is_file()
    ]
