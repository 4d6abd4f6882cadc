"""The record of a rollout: one line per episode, only ever appended to (see journal.py)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forkctl.evaluation.journal import Journal, read_journal
from forkctl.evaluation.rollouts.playing import ERROR

KIND = "forkctl-rollout"
VERSION = 1
Key = tuple[str, int]


@dataclass(frozen=True)
class EpisodeOutcome:
    """What became of one episode."""

    task: str
    trial: int
    init_state: int | None  # None where it began like a demonstration
    seed: int
    outcome: str
    steps: int
    error: str | None
    world: Mapping[str, str]  # versions of the world
    seconds: float
    device: str = ""  # of the policy, where it is in a process of its own

    @property
    def key(self) -> Key:
        return self.task, self.trial

    def same_as(self, other: EpisodeOutcome) -> bool:
        """Apart from how long it took, and where."""
        machine = {"seconds": 0, "device": ""}
        return asdict(self) | machine == asdict(other) | machine


class RolloutRecord:
    """Open for adding, from several threads. Of an episode that is added again, the last line
    counts."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._results = by_key(map(from_json, journal.lines))

    @property
    def keys_without_errors(self) -> set[Key]:
        return {key for key, result in self._results.items() if result.outcome != ERROR}

    @property
    def keys(self) -> set[Key]:
        return set(self._results)

    @property
    def results(self) -> tuple[EpisodeOutcome, ...]:
        return tuple(self._results.values())

    def add(self, result: EpisodeOutcome) -> None:
        with self._lock:
            self._journal.append(asdict(result))
            self._results[result.key] = result


def by_key(results: Iterator[EpisodeOutcome]) -> dict[Key, EpisodeOutcome]:
    return {result.key: result for result in results}


def from_json(line: Mapping[str, Any]) -> EpisodeOutcome:
    return EpisodeOutcome(**line)


@contextmanager
def open_outcomes(path: Path, setup: Mapping[str, object]) -> Iterator[RolloutRecord]:
    journal = Journal(path, KIND, VERSION, setup)
    try:
        yield RolloutRecord(journal)
    finally:
        journal.close()


def read_outcomes(path: Path) -> tuple[Mapping[str, Any], Sequence[EpisodeOutcome]]:
    """The setup, and the last outcome of each episode."""
    setup, lines = read_journal(path, KIND, VERSION)
    return setup, tuple(by_key(map(from_json, lines)).values())
