"""Pictures of a demo: plots of its motion, and a contact sheet of its frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.libero.files.reader import Demo
from forkctl.libero.schema import CAMERAS, CONTROL_HZ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]

_GAP = 2  # pixels between frames


def upright(frames: Array) -> Array:
    """LIBERO's frames are stored flipped top to bottom."""
    return frames[..., ::-1, :, :]


def strip(demo: Demo, camera: str, count: int) -> Array:
    """`count` frames from first to last, upright: (count, H, W, 3)."""
    steps = np.unique(np.linspace(0, demo.length - 1, count).round().astype(int))
    return upright(np.stack([demo.frame(camera, int(step)) for step in steps]))


def save_contact_sheet(demo: Demo, target: Path, *, columns: int = 8, rows: int = 3) -> None:
    """Frames of both cameras over the whole demo, upright, one camera below the other."""
    import cv2

    cameras = [camera for camera in CAMERAS if camera in demo.obs_keys]
    if not cameras:
        raise ForkctlError("the demo has no frames", where=demo.file.where(demo.name))
    sheets = [_grid(strip(demo, camera, columns * rows), columns) for camera in cameras]
    sheet = np.concatenate(sheets)
    if not cv2.haveImageWriter(str(target)):
        raise ForkctlError("no picture has such a name", where=str(target), hint="end it in .png")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(target), np.ascontiguousarray(sheet[..., ::-1])):
        raise ForkctlError("cannot write the picture", where=str(target))


def _grid(frames: Array, columns: int) -> Array:
    _, height, width, _ = frames.shape
    rows = -(-len(frames) // columns)
    grid = np.full((rows * (height + _GAP), columns * (width + _GAP), 3), 255, np.uint8)
    for index, frame in enumerate(frames):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        grid[top : top + height, left : left + width] = frame
    return grid


def save_plot(demo: Demo, target: Path, alignment: Optional[str] = None) -> None:
    """Actions, gripper and the path of the hand, as PNG (or as the file's suffix says)."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        hint = "pip install 'forkctl[report]'"
        raise ForkctlError("plots need matplotlib", hint=hint) from None
    figure = Figure(figsize=(12, 9), layout="constrained")
    title = f"{demo.file.language}\n{demo.name}: {demo.length} steps"
    figure.suptitle(title + (f", {alignment}" if alignment else ""))
    _draw(figure, demo)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)


def _draw(figure: Figure, demo: Demo) -> None:
    grid = figure.add_gridspec(3, 3)
    actions = demo.actions()
    seconds = np.arange(len(actions)) / CONTROL_HZ
    for row, (title, columns) in enumerate(
        {"translation command": range(3), "rotation command": range(3, 6)}.items()
    ):
        axes = figure.add_subplot(grid[row, :2])
        for column, label in zip(columns, "xyz"):
            axes.plot(seconds, actions[:, column], label=label, linewidth=1)
        axes.set_ylabel(title)
        axes.legend(loc="upper right", ncols=3)
        axes.axhline(0, color="0.8", linewidth=0.5)
    axes = figure.add_subplot(grid[2, :2])
    axes.step(seconds, actions[:, 6], where="post", label="command (+1 closes)")
    axes.set_ylabel("gripper")
    axes.set_xlabel("seconds")
    if "gripper_states" in demo.obs_keys:
        fingers = demo.obs("gripper_states")
        width = axes.twinx()
        opening = 100 * (fingers[:, 0] - fingers[:, 1])
        width.plot(np.arange(len(opening)) / CONTROL_HZ, opening, color="C1", linewidth=1)
        width.set_ylabel("opening, cm", color="C1")
    axes.legend(loc="upper right")
    if "ee_pos" not in demo.obs_keys:
        return
    position = demo.obs("ee_pos")
    for row, (across, up, label) in enumerate(((1, 0, "from above"), (0, 2, "from the side"))):
        axes = figure.add_subplot(grid[row, 2])
        colours = np.linspace(0, 1, len(position))
        axes.scatter(position[:, across], position[:, up], c=colours, s=4, cmap="viridis")
        axes.set(title=f"hand, {label}", xlabel="xyz"[across] + ", m", ylabel="xyz"[up] + ", m")
        axes.set_aspect("equal", adjustable="datalim")
