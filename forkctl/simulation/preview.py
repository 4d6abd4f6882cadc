"""A short film of a demonstration, for a person to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import CAMERAS, CONTROL_HZ


def write_preview(path: Path) -> Path:
    """The first demo of a file, both cameras beside each other, the right way up."""
    import imageio

    target = path.with_suffix(".mp4")
    with DemoFile(path) as file:
        demo = file[file.demo_names[0]]
        views = [demo.array(f"obs/{camera}") for camera in CAMERAS]
    frames = np.concatenate(views, axis=2)[:, ::-1]
    beside = target.with_name(f".{target.name}.part.mp4")
    imageio.mimwrite(beside, list(frames), fps=CONTROL_HZ, macro_block_size=1, quality=7)
    beside.replace(target)
    return target
