"""An append-only file of JSON lines that belongs to one setup.

An evaluation that was stopped resumes: whole lines count, a torn last line is dropped. The first
line is the setup that all others were made with, so that two policies never mix.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forkctl.errors import ForkctlError
from forkctl.reading import LARGE, read_bytes


class Journal:
    """Open for appending. `kind` is the name of the format."""

    def __init__(self, path: Path, kind: str, version: int, setup: Mapping[str, object]) -> None:
        self.path = path
        self._header = {kind: version, "setup": dict(setup)}
        self.lines: list[dict[str, Any]] = []  # as they were when the file was opened
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            self._claim()
            self._resume(kind, version, setup)
        except BaseException:
            self._file.close()
            raise

    def append(self, line: Mapping[str, object]) -> None:
        """On disk when this returns."""
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _claim(self) -> None:
        """One writer at a time; the lock ends with the process."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ForkctlError(
                "another forkctl is writing this record",
                where=str(self.path),
                hint="wait for it, or give another --out",
            ) from None

    def _resume(self, kind: str, version: int, wanted: Mapping[str, object]) -> None:
        setup, self.lines, whole = read_lines(self.path, kind, version)
        if setup is None:  # new, or torn while its first line was written
            self._file.truncate(0)
            self.append(self._header)
            return
        expected = json.loads(json.dumps(dict(wanted)))
        if setup != expected:
            changed = sorted(k for k in {*setup, *expected} if setup.get(k) != expected.get(k))
            raise ForkctlError(
                f"the record there was made with another {', '.join(changed)}",
                where=str(self.path),
                hint="give another --out, or move the old record away",
            )
        self._file.truncate(whole)


def read_lines(
    path: Path, kind: str, version: int
) -> tuple[dict[str, Any] | None, list[dict[str, Any]], int]:
    """The setup, the lines after it, and where the last whole line ends."""
    content = read_bytes(path, LARGE)
    whole = content.rfind(b"\n") + 1
    lines = content[:whole].splitlines()
    if not lines:
        return None, [], 0
    try:
        parsed = [json.loads(line) for line in lines]
        found = parsed[0][kind]
        setup = parsed[0]["setup"]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ForkctlError(
            "this is not a record of forkctl, or it is damaged",
            where=str(path),
            hint="move it away and run the evaluation again",
        ) from error
    if found != version:
        raise ForkctlError(f"the record has version {found}, not {version}", where=str(path))
    return setup, parsed[1:], whole


def read_journal(
    path: Path, kind: str, version: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The setup and the lines of a record, even while it is being written."""
    if not path.is_file():
        raise ForkctlError("no record of an evaluation here", where=str(path))
    setup, lines, _ = read_lines(path, kind, version)
    if setup is None:
        raise ForkctlError("the record is empty", where=str(path))
    return setup, lines


def default_folder(name: str, setup: Mapping[str, object]) -> Path:
    """The same setup always has the same folder, so that the same command resumes."""
    digest = hashlib.sha256(json.dumps(setup, sort_keys=True).encode()).hexdigest()[:8]
    return Path("runs") / "eval" / f"{name}-{digest}"
