"""A short video of a demonstration, to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forkctl.atomic import write_atomically
from forkctl.libero.files.content import DemoContent
from forkctl.libero.schema import CAMERAS, CONTROL_HZ


def write_preview(demo: DemoContent, target: Path) -> None:
    """Both cameras side by side, the right way up, as MP4."""
    import imageio

    views = [demo.datasets[f"obs/{camera}"] for camera in CAMERAS]
    frames = np.concatenate(views, axis=2)[:, ::-1]
    video = imageio.mimwrite(
        "<bytes>", list(frames), "mp4", fps=CONTROL_HZ, macro_block_size=1, quality=7
    )
    write_atomically(target, video)
