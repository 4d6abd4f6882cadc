"""Demos into LIBERO files: one file per task, in the raw or the regenerated layout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from forkctl.libero.files.attrs import file_attrs
from forkctl.libero.files.content import DemoContent, write_demos
from forkctl.libero.files.provenance import pending, recipe
from forkctl.libero.parallel import map_in_order
from forkctl.libero.schema import FileLayout
from forkctl.libero.suites import (
    DEMOS_PER_TASK,
    file_name_from_task,
    find_suite,
    get_suite,
    language_from_task,
    task_name_from_file,
)
from forkctl.libero.synth.demo import make_demo
from forkctl.libero.synth.scene import legs_of, scene_for, task_number
from forkctl.libero.synth.trajectories import Style, make_trajectories

_OWN_TASK_MAX_STEPS = 220
_GAP_EVERY = 9  # one regenerated demo in nine is missing, about what LIBERO's failed replays leave


@dataclass(frozen=True)
class SynthOptions:
    """`layout` is a published one. `image_size` None is the layout's own (128 or 256); `images`
    False leaves frames out."""

    layout: FileLayout = FileLayout.RAW
    demos: int = DEMOS_PER_TASK
    seed: int = 0
    images: bool = True
    image_size: Optional[int] = None
    compress: bool = False


def write_suite(
    folder: Path, suite: str, options: SynthOptions, tasks: Optional[int] = None, jobs: int = 1
) -> Iterator[Path]:
    """Write the first `tasks` files of a suite; yields each path when its file is complete.

    What an earlier, interrupted call has finished is not written again.
    """
    names = get_suite(suite).tasks[:tasks]
    recipes = {folder / file_name_from_task(name): _recipe(name, options) for name in names}
    to_do = pending(recipes)
    yield from (path for path in recipes if path not in to_do)
    tasks_to_do = [task_name_from_file(path) for path in to_do]
    yield from map_in_order(partial(write_task, folder, options=options), tasks_to_do, jobs)


def write_task(folder: Path, task: str, options: SynthOptions) -> Path:
    """Write `<task>_demo.hdf5`, complete or not at all."""
    target = folder / file_name_from_task(task)
    attrs: Dict[str, Any] = {}
    if options.layout.has_attributes:
        text = f"(define (:language {language_from_task(task)}))"
        attrs = {**file_attrs(task, _image_size(options)), "bddl_file_content": text}
    demos = _demos(task, options)
    write_demos(target, demos, attrs, _recipe(task, options), compress=options.compress)
    return target


def _recipe(task: str, options: SynthOptions) -> str:
    return recipe("synth", options, task=task)


def _demo_numbers(task: str, options: SynthOptions) -> List[int]:
    if options.layout is not FileLayout.REGENERATED:
        return list(range(options.demos))
    first_gap = task_number(task) % (_GAP_EVERY - 4)
    numbers = (n for n in range(2 * options.demos + 2) if n % _GAP_EVERY != first_gap)
    return [number for number, _ in zip(numbers, range(options.demos))]


def _demos(task: str, options: SynthOptions) -> Iterator[DemoContent]:
    suite = find_suite(task)
    scene = scene_for(task, legs_of(task))
    style = Style(speed=0.75 if scene.legs > 1 else 0.85, pauses=options.layout.has_noops)
    numbers = _demo_numbers(task, options)
    seeds = [[options.seed, task_number(task), number] for number in numbers]
    limit = suite.max_steps if suite else _OWN_TASK_MAX_STEPS
    made = make_trajectories(scene, seeds, style, limit)
    size = _image_size(options) if options.images else None
    for index, number in enumerate(numbers):
        yield make_demo(f"demo_{number}", made, index, scene, options.layout, size)


def _image_size(options: SynthOptions) -> int:
    return options.image_size or options.layout.image_size
