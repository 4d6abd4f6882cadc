"""The record of predictions: one JSON line a demo, only ever appended to.

A run that was stopped goes on where it was: whole lines count, a torn last line is dropped. The
first line binds the file to one setup, so that predictions of two policies never mix.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forkctl.errors import ForkctlError
from forkctl.evaluation.dimensions import Floats, Ints
from forkctl.evaluation.pairs import EpisodePairs

VERSION = 1


@dataclass(frozen=True)
class Entry:
    """What one arm (a policy under one view of the observations) said about one demo."""

    arm: str
    episode: str
    task: str
    instruction: str
    file: str
    truth: Floats  # (T, 7)
    chunks: Floats  # (T, K, 7) in LIBERO's convention, K <= the recorded horizon
    tokens: Ints | None = None
    invalid: Ints | None = None
    conventions: Mapping[str, object] = field(default_factory=dict)  # as the policy declared them

    def pairs(self) -> EpisodePairs:
        return EpisodePairs(
            self.episode, self.task, self.truth, self.chunks[:, 0], self.tokens, self.invalid
        )


class Record:
    """An open record file. `setup` is what all of its lines have in common."""

    def __init__(self, path: Path, setup: Mapping[str, object]) -> None:
        self.path = path
        self.setup = dict(setup)
        self._entries: dict[tuple[str, str], Entry] = {}
        if path.exists():
            self._resume()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"forkctl-openloop": VERSION, "setup": self.setup})

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._entries

    def arm(self, name: str, order: Sequence[str] | None = None) -> list[Entry]:
        """The entries of an arm, in the order of the given episodes, or as recorded."""
        found = {e.episode: e for (arm, _), e in self._entries.items() if arm == name}
        return [found[episode] for episode in (order or found) if episode in found]

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(arm for arm, _ in self._entries))

    def add(self, entry: Entry) -> None:
        line = _to_json(entry)
        self._append(line)
        # as a resumed run would read it, so that both measure the same numbers
        self._entries[entry.arm, entry.episode] = _from_json(line)

    def _append(self, line: Mapping[str, object]) -> None:
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
            out.flush()
            os.fsync(out.fileno())

    def _resume(self) -> None:
        setup, lines, whole = _read(self.path)
        expected = json.loads(json.dumps(self.setup))
        if setup is None:  # torn while its first line was written
            self.path.write_text("", encoding="utf-8")
            self._append({"forkctl-openloop": VERSION, "setup": self.setup})
            return
        if setup != expected:
            changed = sorted(k for k in {*setup, *expected} if setup.get(k) != expected.get(k))
            raise ForkctlError(
                f"the record there was made with another {', '.join(changed)}",
                where=str(self.path),
                hint="Give another --out, or move the old record away.",
            )
        os.truncate(self.path, whole)
        self._entries = {(e.arm, e.episode): e for e in map(_from_json, lines)}


def read_record(path: Path) -> Record:
    """A record as it lies there, with the setup that it was made with."""
    if not path.is_file():
        raise ForkctlError("no record of an evaluation here", where=str(path))
    setup, _, _ = _read(path)
    if setup is None:
        raise ForkctlError("the record holds nothing yet", where=str(path))
    return Record(path, setup)


def _read(path: Path) -> tuple[dict[str, Any] | None, list[dict[str, Any]], int]:
    """The setup, the lines after it, and where the last whole line ends."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    lines = content[:whole].splitlines()
    if not lines:
        return None, [], 0
    try:
        parsed = [json.loads(line) for line in lines]
        header = parsed[0]
        version = header["forkctl-openloop"]
        setup = header["setup"]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ForkctlError(
            "this is not a record of forkctl, or it is damaged",
            where=str(path),
            hint="Move it away and run the evaluation again.",
        ) from error
    if version != VERSION:
        raise ForkctlError(f"the record is of version {version}, not {VERSION}", where=str(path))
    return setup, parsed[1:], whole


def _to_json(entry: Entry) -> dict[str, object]:
    line: dict[str, object] = {
        "arm": entry.arm,
        "episode": entry.episode,
        "task": entry.task,
        "instruction": entry.instruction,
        "file": entry.file,
        "conventions": dict(entry.conventions),
        "truth": _numbers(entry.truth),
        "chunks": _numbers(entry.chunks),
    }
    if entry.tokens is not None:
        line["tokens"] = entry.tokens.tolist()
    if entry.invalid is not None:
        line["invalid"] = entry.invalid.tolist()
    return line


def _numbers(values: Floats) -> Any:
    """Seven digits are float32's, and halve the file. NaN has no JSON, so null."""

    def short(number: float) -> float | None:
        return float(f"{number:.7g}") if np.isfinite(number) else None

    return (
        np.array([short(number) for number in values.flat], dtype=object)
        .reshape(values.shape)
        .tolist()
    )


def _array(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _from_json(line: Mapping[str, Any]) -> Entry:
    return Entry(
        line["arm"],
        line["episode"],
        line["task"],
        line["instruction"],
        line["file"],
        _array(line["truth"]),
        _array(line["chunks"]),
        np.array(line["tokens"], dtype=np.int64) if "tokens" in line else None,
        np.array(line["invalid"], dtype=np.int64) if "invalid" in line else None,
        line["conventions"],
    )
