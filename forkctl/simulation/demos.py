"""Files of demonstrations, one per task, made by several processes and resumed after a stop.

Each demo is written to a file of its own in a hidden folder beside the target, complete or not at
all. When all demos of a task are there, they are put together in the file, and the folder goes.
The folder's name stands for everything that decides what is in it, so other options start over.
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

from forkctl.libero.files.attrs import file_attrs
from forkctl.libero.files.content import DemoContent, read_demo, write_demos
from forkctl.libero.files.provenance import pending, recipe
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.parallel import map_in_order
from forkctl.libero.suites import file_name_from_task
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.preview import write_preview
from forkctl.simulation.recording import record
from forkctl.simulation.request import DemoRequest
from forkctl.simulation.task_simulation import TaskSimulation
from forkctl.simulation.tasks import bddl_path

_ATTEMPTS = 10
_SEEDS_APART = 100_000  # attempts of one demo; no other demo uses their seeds


@dataclass(frozen=True)
class MadeDemo:
    """`attempts` includes those that failed; 0 where an earlier run had made the demo."""

    task: str
    demo: int
    steps: int
    attempts: int


@dataclass(frozen=True)
class MadeFile:
    path: str
    demos: int
    steps: int


def make_demos(request: DemoRequest) -> Iterator[MadeDemo | MadeFile]:
    """Write the requested files; yields each demo and each file when it is there."""
    targets = {request.folder / file_name_from_task(task): task for task in request.tasks}
    to_do = pending({path: _recipe(request, task) for path, task in targets.items()})
    missing = [(targets[path], demo) for path in to_do for demo in range(request.demos)]
    made = map_in_order(partial(_make_demo, request), missing, request.jobs)
    for target in targets:
        if target not in to_do:
            yield _described(target)
            continue
        steps = 0
        for _ in range(request.demos):
            demo = next(made)
            steps += demo.steps
            yield demo
        _put_together(request, targets[target], target)
        yield MadeFile(str(target), request.demos, steps)


def _make_demo(request: DemoRequest, item: tuple[str, int]) -> MadeDemo:
    task, demo = item
    part = _parts(request, task) / f"demo_{demo}.hdf5"
    if part.is_file():
        with DemoFile(part) as file:
            return MadeDemo(task, demo, file[f"demo_{demo}"].length, 0)
    simulation = _simulation(task, request.recording.reflection)
    for attempt in range(_ATTEMPTS):
        seed = request.seed + demo + attempt * _SEEDS_APART
        content = record(simulation, f"demo_{demo}", seed, request.recording)
        if content is not None:
            write_demos(part, [content], {}, _recipe(request, task), compress=request.compress)
            return MadeDemo(task, demo, content.steps, attempt + 1)
    raise SimulationError(
        f"the expert failed {_ATTEMPTS} times in a row", where=f"{task}, demo {demo}"
    )


@lru_cache(maxsize=1)
def _simulation(task: str, reflection: bool) -> TaskSimulation:
    """Kept, because a process makes many demos of one task, and then those of the next."""
    return TaskSimulation.open(task, reflection=reflection)


def _put_together(request: DemoRequest, task: str, target: Path) -> None:
    attrs: dict[str, Any] = {}
    if request.recording.layout.has_attributes:
        size = request.recording.image_size if request.recording.layout.has_frames else None
        text = bddl_path(task).read_text(encoding="utf-8")
        attrs = {**file_attrs(task, size), "bddl_file_content": text}
    parts = _parts(request, task)

    def demos() -> Iterator[DemoContent]:
        for number in range(request.demos):
            with DemoFile(parts / f"demo_{number}.hdf5") as file:
                content = read_demo(file[f"demo_{number}"])
                content.attrs.pop("num_samples", None)  # type: ignore[attr-defined]
                yield content

    if request.recording.layout.has_frames:
        write_preview(next(demos()), target.with_suffix(".mp4"))
    write_demos(target, demos(), attrs, _recipe(request, task), compress=request.compress)
    shutil.rmtree(parts)


def _recipe(request: DemoRequest, task: str) -> str:
    return recipe("demos", request.recording, task=task, demos=request.demos, seed=request.seed)


def _parts(request: DemoRequest, task: str) -> Path:
    """Named without the number of demos, which does not change what each of them is."""
    deciding = recipe(
        "demos", request.recording, task=task, seed=request.seed, compress=request.compress
    )
    digest = hashlib.sha256(deciding.encode()).hexdigest()[:12]
    return request.folder / f".{task}.{digest}"


def _described(path: Path) -> MadeFile:
    with DemoFile(path) as file:
        return MadeFile(str(path), len(file), sum(demo.length for demo in file))


def as_line(made: MadeDemo | MadeFile) -> str:
    return json.dumps({"kind": type(made).__name__, **asdict(made)})
