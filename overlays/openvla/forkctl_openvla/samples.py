"""Which frames are trained on, and the action that goes with each: all of it numpy, all in memory
but the frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Sequence, Tuple

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.families.openvla.units import to_openvla
from forkctl.libero.files.reader import Demo, DemoFile, open_demo_file
from forkctl.libero.units.noops import noop_mask
from forkctl.libero.units.resampling import resample
from forkctl_openvla.options import DatasetOptions

_MOTION = 6


@dataclass(frozen=True)
class Samples:
    """Sample i shows frame `frames[i]` of `demos[demo_of[i]]`; `actions` are in OpenVLA's
    convention, scaled, not normalised. `tasks[task_of[d]]` is the instruction of demo d."""

    demos: Tuple[Demo, ...]
    tasks: Tuple[str, ...]
    task_of: np.ndarray
    demo_of: np.ndarray
    frames: np.ndarray
    actions: np.ndarray
    alignment: Dict[str, str]

    def __len__(self) -> int:
        return len(self.frames)


def collect(options: DatasetOptions, paths: Sequence[Path], *, held_out: bool = False) -> Samples:
    """Of the demos that are trained on, or of the others."""
    demos, tasks, task_of, parts, alignment = [], [], [], [], {}
    for path in paths:
        file = open_demo_file(path)
        alignment[Path(path).name] = file.alignment(options.alignment)
        tasks.append(file.language)
        for demo in _chosen(file, options.holdout, held_out):
            frames, actions = pairs(demo, options)
            parts.append((np.full(len(frames), len(demos), np.int32), frames, actions))
            demos.append(demo)
            task_of.append(len(tasks) - 1)
    demo_of, frames, actions = (np.concatenate(each) for each in zip(*parts))
    if not len(frames):
        raise ForkctlError("no demo has a step to train on")
    return Samples(
        tuple(demos), tuple(tasks), np.array(task_of), demo_of, frames, actions, alignment
    )


def pairs(demo: Demo, options: DatasetOptions) -> Tuple[np.ndarray, np.ndarray]:
    """The frames of one demo that have an action to imitate, and those actions."""
    window = options.window
    offset = demo.pairing(options.alignment).offset
    stored = np.asarray(demo.actions(), dtype=np.float64)
    kept = np.flatnonzero(~noop_mask(stored)) if options.drop_noops else np.arange(len(stored))
    # Averaging over one step would move the last digit, and with it a bin now and then.
    every = window.mode == "every" or window.steps == 1
    mode = "subsample" if every else "mean"
    windows = resample(stored[kept], window.steps, mode=mode, stride=window.steps if every else 1)
    frames = kept[windows.starts] - offset
    seen = frames >= 0
    actions = to_openvla(windows.actions[seen])
    actions[:, :_MOTION] *= options.scale
    return frames[seen].astype(np.int32), actions


class Frames:
    """Frames of one camera as they are stored; contiguous datasets are views of the files."""

    def __init__(self, demos: Sequence[Demo], camera: str) -> None:
        self._demos = demos
        self._camera = camera
        self._views: Dict[int, np.ndarray] = {}

    def get(self, demo: int, step: int) -> np.ndarray:
        view = self._views.get(demo)
        if view is None:
            one = self._demos[demo]
            if one.file.extent(self._name(one)).offset is None:  # compressed: one frame at a time
                return one.frame(self._camera, step)
            view = self._views[demo] = one.frames(self._camera)
        return view[step]

    def sizes(self) -> Iterator[Tuple[int, ...]]:
        return (one.file.extent(self._name(one)).shape[1:] for one in self._demos)

    def _name(self, demo: Demo) -> str:
        return f"{demo.name}/obs/{self._camera}"

    def __getstate__(self) -> Dict[str, object]:
        return {**self.__dict__, "_views": {}}  # a spawned worker maps the files anew


def _chosen(file: DemoFile, holdout: int, held_out: bool) -> Sequence[Demo]:
    demos = list(file)
    if holdout >= len(demos):
        raise ForkctlError(
            f"has {len(demos)} demos, of which holdout = {holdout} leaves none", where=file.path
        )
    trained = len(demos) - holdout
    return demos[trained:] if held_out else demos[:trained]
