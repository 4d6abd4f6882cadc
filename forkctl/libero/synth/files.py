"""Episodes into LIBERO files: one file a task, in the raw or the regenerated layout."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional

import h5py
import numpy as np

from forkctl.libero.errors import LiberoError
from forkctl.libero.schema import CAMERAS, CONTROL_HZ, TAG, Layout
from forkctl.libero.suites import (
    DEMOS_PER_TASK,
    file_name_from_task,
    find_suite,
    get_suite,
    language_from_task,
)
from forkctl.libero.synth.episode import Episode, episode_of
from forkctl.libero.synth.expert import Style, roll_out
from forkctl.libero.synth.scene import scene_for

_OWN_TASK_MAX_STEPS = 220
_GZIP_LEVEL = 4
_GAP_EVERY = 9  # one regenerated demo in nine is missing, about what LIBERO's failed replays leave


@dataclass(frozen=True)
class SynthOptions:
    """`image_size` None is the layout's own (128 or 256); `images` False leaves frames out."""

    layout: Layout = Layout.RAW
    demos: int = DEMOS_PER_TASK
    seed: int = 0
    images: bool = True
    image_size: Optional[int] = None
    compress: bool = False


def write_suite(
    folder: Path, suite: str, options: SynthOptions, tasks: Optional[int] = None, workers: int = 1
) -> Iterator[Path]:
    """Write the first `tasks` files of a suite; gives each path when its file is complete."""
    names = get_suite(suite).tasks[:tasks]
    targets = [folder / file_name_from_task(name) for name in names]
    present = [target for target in targets if target.exists()]
    if present:
        raise LiberoError(
            f"{len(present)} of the files to write are already there",
            where=str(present[0]),
            hint="Choose another folder, or remove the old files yourself.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if workers <= 1 or len(names) == 1:
        yield from (write_task(folder, name, options) for name in names)
        return
    with ProcessPoolExecutor(min(workers, len(names))) as pool:
        jobs = [pool.submit(write_task, folder, name, options) for name in names]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:  # after an error or Ctrl-C: finish what runs, start nothing new
            for job in jobs:
                job.cancel()


def write_task(folder: Path, task: str, options: SynthOptions) -> Path:
    """Write `<task>_demo.hdf5`: under another name until it is complete."""
    target = folder / file_name_from_task(task)
    partial = target.with_suffix(".hdf5.part")
    try:
        with h5py.File(partial, "w") as file:
            total = 0
            data = file.create_group("data")
            numbers = _demo_numbers(task, options)
            for number, episode in zip(numbers, _episodes(task, numbers, options)):  # noqa: B905
                _write_demo(data.create_group(f"demo_{number}"), episode, options)
                total += len(episode.actions)
            if options.layout is Layout.RAW:
                _write_file_attrs(data, task, len(numbers), total, options)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _demo_numbers(task: str, options: SynthOptions) -> List[int]:
    if options.layout is Layout.RAW:
        return list(range(options.demos))
    first_gap = _task_number(task) % (_GAP_EVERY - 4)
    numbers = (n for n in range(2 * options.demos + 2) if n % _GAP_EVERY != first_gap)
    return [number for number, _ in zip(numbers, range(options.demos))]  # noqa: B905


def _episodes(task: str, numbers: List[int], options: SynthOptions) -> Iterator[Episode]:
    suite = find_suite(task)
    long = suite is not None and suite.name == "libero_10"
    scene = scene_for(task, legs=2 if long else 1)
    style = Style(speed=0.75 if long else 0.85, pauses=options.layout is Layout.RAW)
    seeds = [[options.seed, _task_number(task), number] for number in numbers]
    limit = suite.max_steps if suite else _OWN_TASK_MAX_STEPS
    rollouts = roll_out(scene, seeds, style, limit)
    size = (options.image_size or options.layout.image_size) if options.images else None
    for index in range(len(numbers)):
        yield episode_of(rollouts, index, scene, options.layout, size)


def _task_number(task: str) -> int:
    """A number for the random seed; the same for a task wherever it stands in a list."""
    return int.from_bytes(task.encode()[-8:], "little")


def _write_demo(group: h5py.Group, episode: Episode, options: SynthOptions) -> None:
    for name, values in episode.datasets():
        if options.compress and name.split("/")[-1] in CAMERAS:
            group.create_dataset(
                name,
                data=values,
                chunks=(1, *values.shape[1:]),
                compression="gzip",
                compression_opts=_GZIP_LEVEL,
            )
        else:
            group.create_dataset(name, data=np.ascontiguousarray(values))
    if options.layout is Layout.RAW:
        group.attrs["num_samples"] = len(episode.actions)
        group.attrs["model_file"] = '<mujoco model="forkctl synthetic scene"/>'
        group.attrs["init_state"] = episode.states[0]


def _write_file_attrs(
    data: h5py.Group, task: str, demos: int, total: int, options: SynthOptions
) -> None:
    language = language_from_task(task)
    suite = find_suite(task)
    bddl = f"{suite.name if suite else 'synthetic'}/{task}.bddl"
    problem = "libero_tabletop_manipulation"
    size = options.image_size or options.layout.image_size
    env_args = {
        "type": 1,
        "env_name": "Libero_Tabletop_Manipulation",
        "problem_name": problem,
        "bddl_file": bddl,
        "env_kwargs": {
            "robots": ["Panda"],
            "controller_configs": {
                "type": "OSC_POSE",
                "input_max": 1,
                "input_min": -1,
                "output_max": [0.05, 0.05, 0.05, 0.5, 0.5, 0.5],
                "output_min": [-0.05, -0.05, -0.05, -0.5, -0.5, -0.5],
                "control_delta": True,
            },
            "control_freq": CONTROL_HZ,
            "camera_names": ["robot0_eye_in_hand", "agentview"],
            "camera_heights": size,
            "camera_widths": size,
        },
    }
    problem_info = {
        "problem_name": problem,
        "domain_name": "robosuite",
        "language_instruction": language,
    }
    data.attrs["tag"] = TAG
    data.attrs["env_name"] = env_args["env_name"]
    data.attrs["problem_info"] = json.dumps(problem_info)
    data.attrs["macros_image_convention"] = "opengl"
    data.attrs["bddl_file_name"] = bddl
    data.attrs["bddl_file_content"] = f"(define (problem {problem}) (:language {language}))"
    data.attrs["env_args"] = json.dumps(env_args)
    data.attrs["num_demos"] = demos
    data.attrs["total"] = total
