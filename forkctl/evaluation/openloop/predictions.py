"""The record of predictions: one JSON line per demo (see journal.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forkctl.evaluation.dimensions import Floats, Ints
from forkctl.evaluation.journal import Journal, read_journal
from forkctl.evaluation.openloop.pairs import EpisodePairs

KIND = "forkctl-openloop"
VERSION = 1


@dataclass(frozen=True)
class EpisodePredictions:
    """What one arm (a policy under one view of the observations) predicted for one demo."""

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


class PredictionRecord:
    """The predictions by arm and episode. Without a journal, none can be added."""

    def __init__(
        self,
        setup: Mapping[str, object],
        lines: Sequence[Mapping[str, Any]],
        journal: Journal | None,
    ) -> None:
        self.setup = dict(setup)
        self._journal = journal
        self._entries = {(e.arm, e.episode): e for e in map(_from_json, lines)}

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._entries

    def arm(self, name: str, order: Sequence[str] | None = None) -> list[EpisodePredictions]:
        """The predictions of an arm, in the order of the given episodes, or as recorded."""
        found = {e.episode: e for (arm, _), e in self._entries.items() if arm == name}
        return [found[episode] for episode in (order or found) if episode in found]

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(arm for arm, _ in self._entries))

    def add(self, entry: EpisodePredictions) -> None:
        assert self._journal is not None
        line = _to_json(entry)
        self._journal.append(line)
        # as a resumed evaluation would read it, so that both have the same numbers
        self._entries[entry.arm, entry.episode] = _from_json(line)


@contextmanager
def open_predictions(path: Path, setup: Mapping[str, object]) -> Iterator[PredictionRecord]:
    """Begin or resume a record. `setup` is what all of its lines have in common."""
    journal = Journal(path, KIND, VERSION, setup)
    try:
        yield PredictionRecord(setup, journal.lines, journal)
    finally:
        journal.close()


def read_predictions(path: Path) -> PredictionRecord:
    """A record as it is, with the setup that it was made with."""
    setup, lines = read_journal(path, KIND, VERSION)
    return PredictionRecord(setup, lines, None)


def _to_json(entry: EpisodePredictions) -> dict[str, object]:
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
    """Seven digits are float32's, and halve the file. NaN is null in JSON."""

    def short(number: float) -> float | None:
        return float(f"{number:.7g}") if np.isfinite(number) else None

    return (
        np.array([short(number) for number in values.flat], dtype=object)
        .reshape(values.shape)
        .tolist()
    )


def _array(values: Any) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _from_json(line: Mapping[str, Any]) -> EpisodePredictions:
    return EpisodePredictions(
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
