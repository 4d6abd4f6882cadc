"""Files of demonstrations, one a task, made by several processes and resumed where they stopped.

Each demo is written by itself into a hidden folder beside the file, and named there only when it is
whole. When all of a task are there they are put together into the file, and the folder goes. The
folder's name stands for everything that decides what is in it, so other options begin anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import h5py

from forkctl.libero.files.attrs import file_attrs
from forkctl.libero.files.content import DemoContent, read_demo, write_demos
from forkctl.libero.files.provenance import pending, recipe
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.parallel import map_in_order
from forkctl.libero.suites import file_name_from_task
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.preview import write_preview
from forkctl.simulation.recording import RecordingOptions, record
from forkctl.simulation.tasks import bddl_path
from forkctl.simulation.world import World

_ATTEMPTS = 10
_SEEDS_APART = 100_000  # attempts of one demo; no other demo uses their seeds


@dataclass(frozen=True)
class DemoPlan:
    folder: Path
    tasks: tuple[str, ...]
    demos: int
    seed: int
    recording: RecordingOptions
    compress: bool = False
    jobs: int = 1


@dataclass(frozen=True)
class MadeDemo:
    """`attempts` counts those that failed too; 0 where an earlier run had made it."""

    task: str
    demo: int
    steps: int
    attempts: int


@dataclass(frozen=True)
class MadeFile:
    path: str
    demos: int
    steps: int


def make_demos(plan: DemoPlan) -> Iterator[MadeDemo | MadeFile]:
    """Write the plan's files; says each demo and each file when it is there."""
    targets = {plan.folder / file_name_from_task(task): task for task in plan.tasks}
    to_do = pending({path: _recipe(plan, task) for path, task in targets.items()})
    items = [(task, demo) for task in map(targets.get, to_do) if task for demo in range(plan.demos)]
    made = map_in_order(partial(_make_demo, plan), items, plan.jobs)
    for target in targets:
        if target not in to_do:
            yield _described(target)
            continue
        steps = 0
        for _ in range(plan.demos):
            demo = next(made)
            steps += demo.steps
            yield demo
        _put_together(plan, targets[target], target)
        yield MadeFile(str(target), plan.demos, steps)


def _make_demo(plan: DemoPlan, item: tuple[str, int]) -> MadeDemo:
    task, demo = item
    part = _parts(plan, task) / f"demo_{demo}.hdf5"
    if part.is_file():
        with DemoFile(part) as file:
            return MadeDemo(task, demo, read_demo(file[f"demo_{demo}"]).steps, 0)
    world = _world(task, plan.recording.reflection)
    for attempt in range(_ATTEMPTS):
        seed = plan.seed + demo + attempt * _SEEDS_APART
        content = record(world, f"demo_{demo}", seed, plan.recording)
        if content is not None:
            # as another process left it behind half-made, it is made anew
            write_demos(part, [content], {}, _recipe(plan, task), compress=plan.compress)
            return MadeDemo(task, demo, content.steps, attempt + 1)
    raise SimulationError(
        f"the expert failed {_ATTEMPTS} times in a row", where=f"{task}, demo {demo}"
    )


@lru_cache(maxsize=1)
def _world(task: str, reflection: bool) -> World:
    """A process makes the demos of one task after another."""
    return World.open(task, reflection=reflection)


def _put_together(plan: DemoPlan, task: str, target: Path) -> None:
    attrs: dict[str, Any] = {}
    if plan.recording.layout.has_attributes:
        size = plan.recording.image_size if plan.recording.layout.has_frames else None
        text = bddl_path(task).read_text(encoding="utf-8")
        attrs = {**file_attrs(task, size), "bddl_file_content": text}
    parts = _parts(plan, task)

    def demos() -> Iterator[DemoContent]:
        for number in range(plan.demos):
            with DemoFile(parts / f"demo_{number}.hdf5") as file:
                content = read_demo(file[f"demo_{number}"])
                content.attrs.pop("num_samples", None)  # type: ignore[attr-defined]
                yield content

    write_demos(target, demos(), attrs, _recipe(plan, task), compress=plan.compress)
    if plan.recording.layout.has_frames:
        write_preview(target)
    shutil.rmtree(parts)


def _recipe(plan: DemoPlan, task: str) -> str:
    return recipe("demos", plan.recording, task=task, demos=plan.demos, seed=plan.seed)


def _parts(plan: DemoPlan, task: str) -> Path:
    """How many demos are wanted does not change what each of them is."""
    deciding = recipe("demos", plan.recording, task=task, seed=plan.seed, compress=plan.compress)
    digest = hashlib.sha256(deciding.encode()).hexdigest()[:12]
    return plan.folder / f".{task}.{digest}"


def _described(path: Path) -> MadeFile:
    with h5py.File(path, "r") as file:
        steps = sum(len(demo["actions"]) for demo in file["data"].values())
        return MadeFile(str(path), len(file["data"]), steps)


def as_line(made: MadeDemo | MadeFile) -> str:
    return json.dumps({"kind": type(made).__name__, **asdict(made)})
