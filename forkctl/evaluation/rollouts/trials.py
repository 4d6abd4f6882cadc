"""Which episodes an evaluation has, in what order, and which of them are this shard's."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError, UsageError
from forkctl.libero.files.paths import find_files
from forkctl.libero.files.reader import Demo, open_demo_file
from forkctl.libero.suites import Suite, find_suite, language_from_task, task_name_from_file

ALL_INIT_STATES = range(50)


@dataclass(frozen=True)
class Start:
    """One of the benchmark's fixed initial states, or where a demonstration began."""

    init_state: int | None = None
    demo: Demo | None = None


@dataclass(frozen=True)
class Trial:
    """One episode to play. Its seed depends on nothing else, so that the order of episodes, shards
    and interruptions change no result."""

    task: str
    number: int
    start: Start
    seed: int

    @property
    def name(self) -> str:
        return f"{self.task}/{self.number}"

    @property
    def key(self) -> tuple[str, int]:
        return self.task, self.number

    @property
    def instruction(self) -> str:
        return language_from_task(self.task)


@dataclass(frozen=True)
class Shard:
    """Every `count`-th episode, from `index` (0-based) on."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, words: str) -> Shard:
        found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", words)
        if found is None or int(found[1]) > int(found[2]):
            raise UsageError(f"{words!r} is not a shard", hint="such as 1/4, 2/4, 3/4, 4/4")
        return cls(int(found[1]) - 1, int(found[2]))

    def __str__(self) -> str:
        return f"{self.index + 1}/{self.count}"

    @property
    def record(self) -> str:
        """The name of its record, so that shards of one evaluation can share a folder."""
        if self.count == 1:
            return "episodes.jsonl"
        return f"episodes-{self.index + 1}of{self.count}.jsonl"

    def of(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        return tuple(trials[self.index :: self.count])


WHOLE = Shard()


def choose_init_states(words: str | None) -> Sequence[int]:
    """`0:20` counts as in Python, `3,7` is a list; None for all fifty."""
    if words is None:
        return ALL_INIT_STATES
    found = re.fullmatch(r"(\d+):(\d+)", words)
    if found is not None and int(found[1]) < int(found[2]) <= len(ALL_INIT_STATES):
        return range(int(found[1]), int(found[2]))
    if re.fullmatch(r"\d+(,\d+)*", words):
        numbers = tuple(int(number) for number in words.split(","))
        if all(number in ALL_INIT_STATES for number in numbers):
            return numbers
    raise UsageError(
        f"{words!r} does not say which initial states",
        hint="0:20 for the first twenty, or 3,7,9; there are fifty",
    )


def trials_from_init_states(
    tasks: Sequence[str], count: int, init_states: Sequence[int], seed: int
) -> tuple[Trial, ...]:
    """Task by task; with more trials than initial states, they repeat with other seeds."""
    return tuple(
        Trial(
            task,
            number,
            Start(init_state=init_states[number % len(init_states)]),
            seed_of(seed, task, number),
        )
        for task in tasks
        for number in range(count)
    )


def trials_from_demos(
    data: Path, tasks: Sequence[str], count: int | None, seed: int
) -> tuple[Trial, ...]:
    """Each begins where a demonstration began, for policies that replay it."""
    trials = []
    for path in find_files([data]):
        file = open_demo_file(path)
        if file.task not in tasks:
            continue
        for number, name in enumerate(file.demo_names[:count]):
            start = Start(demo=file[name])
            trials.append(Trial(file.task, number, start, seed_of(seed, file.task, number)))
    if not trials:
        raise ForkctlError("no demonstrations of the chosen tasks here", where=str(data))
    return tuple(trials)


def seed_of(*parts: object) -> int:
    return zlib.crc32(" ".join(map(str, parts)).encode())


def suite_of_data(data: Path) -> Suite:
    """The suite of the files in `data`, or of the first that has one."""
    for path in find_files([data]):
        suite = find_suite(task_name_from_file(path))
        if suite is not None:
            return suite
    raise UsageError("these are not demonstrations of a LIBERO suite", where=str(data))
