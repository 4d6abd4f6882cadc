"""Frames of a demo as a strip of images inside the page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forkctl.errors import ForkctlError
from forkctl.evaluation.openloop.predictions import EpisodePredictions
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.schema import AGENTVIEW

SHOWN = 8
SIDE = 104


def strip(entry: EpisodePredictions) -> list[tuple[int, str]]:
    """(step, data URL) of evenly spread frames, upright; nothing where the data is gone."""
    if not Path(entry.file).is_file():
        return []
    try:
        with open_demo_file(entry.file) as file:
            demo = file[entry.episode.rpartition("/")[2]]
            steps = np.linspace(0, len(entry.truth) - 1, min(SHOWN, len(entry.truth))).astype(int)
            return [
                (int(step), _encoded(demo.frame(AGENTVIEW, int(step))[::-1, ::-1]))
                for step in dict.fromkeys(steps)
            ]
    except ForkctlError:
        return []


def _encoded(image: NDArray[Any]) -> str:
    import cv2

    small = cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()
