"""Synthetic LIBERO files for tests: good ones, and small ones that are good too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from forkctl.libero.files.attrs import file_attrs
from forkctl.libero.files.content import DemoContent, read_demo, write_demos
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import FileLayout
from forkctl.libero.suites import SUITES
from forkctl.libero.synth import SynthOptions, write_task

TASK = SUITES["libero_goal"].tasks[1]
OTHER_TASK = SUITES["libero_goal"].tasks[2]


def good_file(folder: Path, layout: FileLayout, demos: int = 4, **options: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = SynthOptions(layout=layout, demos=demos, image_size=128, **options)  # type: ignore[arg-type]
    return write_task(folder, TASK, made)


def small_file(folder: Path, layout: FileLayout, *, steps: int = 24, compress: bool = True) -> Path:
    """Four demos of the same length around the grasp: under a megabyte, and still good."""
    source = good_file(folder / "whole", layout, demos=4)
    target = folder / source.name
    with DemoFile(source) as file:
        demos = [_around_grasp(read_demo(demo), steps) for demo in file]
        attrs = dict(file.attrs)
        write_demos(target, demos, attrs, "small", compress=compress)
    source.unlink()
    return target


def _around_grasp(demo: DemoContent, steps: int) -> DemoContent:
    closes = int(np.argmax(demo.datasets["actions"][:, 6] > 0))
    start = closes - steps * 2 // 3
    cut = demo.rows(np.arange(start, start + steps))
    last = np.eye(1, steps, steps - 1, dtype=np.uint8)[0]
    cut = cut.with_datasets({"dones": last, "rewards": last})
    if "init_state" in cut.attrs:
        cut = replace(cut, attrs={**cut.attrs, "init_state": cut.datasets["states"][0]})
    return cut


def attrs_for(task: str) -> dict[str, object]:
    return file_attrs(task, 128)
