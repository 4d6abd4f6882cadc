"""The five LIBERO suites: their tasks, step caps, expected counts, and where they are published.

A task has three names that are often mixed up. `KITCHEN_SCENE3_turn_on_the_stove` is the task,
`KITCHEN_SCENE3_turn_on_the_stove_demo.hdf5` its file, and `turn on the stove` the instruction that
a policy gets. The instruction comes from the task's name, as in LIBERO's own evaluation: the text
inside the files differs from it in 34 of 130 tasks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Mapping, Optional, Union

from forkctl.errors import UsageError
from forkctl.libero.errors import UnknownTaskError

DEMOS_PER_TASK = 50
RAW_HUB_ID = "yifengzhu-hf/LIBERO-datasets"

_SCENE_PREFIX = re.compile(r"^[A-Z_]+_SCENE\d+_")
_FILE_SUFFIX = "_demo"


@dataclass(frozen=True)
class Suite:
    """`max_steps` is the evaluation's cap. The regenerated counts are those of the published set;
    other people's replays differ by a few demos, so a small difference is not an error."""

    name: str
    tasks: tuple[str, ...]
    max_steps: int
    longest_raw_demo: int
    raw_demos: int
    regenerated_demos: Optional[int]
    regenerated_steps: Optional[int]

    @property
    def regenerated_name(self) -> str:
        return f"{self.name}_no_noops"


def _load_suites() -> Mapping[str, Suite]:
    # The file says where its numbers come from.
    path = Path(__file__).with_name("suites.json")
    table = json.loads(path.read_text(encoding="utf-8"))["suites"]
    return MappingProxyType(
        {
            name: Suite(name=name, **{**fields, "tasks": tuple(fields["tasks"])})
            for name, fields in table.items()
        }
    )


SUITES: Mapping[str, Suite] = _load_suites()


def get_suite(name: str) -> Suite:
    """The suite of this name; `_no_noops` at the end, as in dataset names, is accepted."""
    base = name[: -len("_no_noops")] if name.endswith("_no_noops") else name
    if base not in SUITES:
        raise UnknownTaskError(f"no LIBERO suite {name!r}", hint=f"one of: {', '.join(SUITES)}")
    return SUITES[base]


@lru_cache(maxsize=1)
def _suite_of_task() -> dict[str, str]:
    return {task: suite.name for suite in SUITES.values() for task in suite.tasks}


def find_suite(task: str) -> Optional[Suite]:
    """The suite that a task belongs to (no task is in two), or None for a task of the user's."""
    name = _suite_of_task().get(task)
    return None if name is None else SUITES[name]


def choose_tasks(suite: Suite, words: Optional[str]) -> tuple[str, ...]:
    """`0,3,7`, or parts of names that fit one task each; None for all of the suite."""
    if words is None:
        return suite.tasks
    chosen: list[str] = []
    for word in filter(None, (each.strip() for each in words.split(","))):
        if word.isdigit():
            found = suite.tasks[int(word) : int(word) + 1]
        else:
            plain = word.replace(" ", "_").lower()
            found = tuple(task for task in suite.tasks if plain in task.lower())
            found = tuple(task for task in found if task.lower() == plain) or found
        if len(found) != 1:
            count = f"{len(found)} tasks" if found else "no task"
            raise UsageError(
                f"{count} of {suite.name} for {word!r}",
                hint=f"a part of one name, or a number from 0 to {len(suite.tasks) - 1}: "
                + ", ".join(f"{number} {task}" for number, task in enumerate(suite.tasks)),
            )
        chosen += found
    if not chosen:
        raise UsageError("no task is named", hint="such as --tasks 0,1, or a part of a name")
    return tuple(dict.fromkeys(chosen))


def task_name_from_file(path: Union[str, Path]) -> str:
    stem = Path(path).name
    for suffix in (".hdf5", ".h5"):
        if stem.endswith(suffix):
            stem = stem[: -len(suffix)]
    return stem[: -len(_FILE_SUFFIX)] if stem.endswith(_FILE_SUFFIX) else stem


def file_name_from_task(task: str) -> str:
    return f"{task}{_FILE_SUFFIX}.hdf5"


def language_from_task(task: str) -> str:
    """A policy's instruction: the name without its scene, words apart."""
    return _SCENE_PREFIX.sub("", task).replace("_", " ")
