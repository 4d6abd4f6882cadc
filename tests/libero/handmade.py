"""Small LIBERO-shaped files whose every value a test knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

TASK = "pick_up_the_alphabet_soup_and_place_it_in_the_basket"

Demo = dict[str, npt.NDArray[Any]]


def make_demo(seed: int, length: int, *, raw: bool, size: int = 8) -> Demo:
    """A moving arm. In a raw demo each observation is of the state one step later."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.02, (length + 1, 15)), axis=0)
    seen = walk[1:] if raw else walk[:-1]
    actions = np.round(rng.uniform(-1, 1, (length, 7)), 3)
    actions[:, 6] = np.where(np.arange(length) < length // 2, -1, 1)
    time = np.arange(length)[:, None] / 20
    return {
        "actions": actions,
        "states": np.concatenate([time, walk[:-1], np.zeros((length, 5))], axis=1),
        "rewards": np.eye(1, length, length - 1, dtype=np.uint8)[0],
        "dones": np.eye(1, length, length - 1, dtype=np.uint8)[0],
        "obs/joint_states": seen[:, :7],
        "obs/ee_pos": seen[:, 7:10],
        "obs/ee_ori": seen[:, 10:13],
        "obs/gripper_states": np.abs(seen[:, 13:15]) % 0.04 * [1, -1],
        "obs/agentview_rgb": rng.integers(0, 256, (length, size, size, 3), dtype=np.uint8),
        "obs/eye_in_hand_rgb": rng.integers(0, 256, (length, size, size, 3), dtype=np.uint8),
    }


def write_demos(
    path: Path,
    demos: Sequence[tuple[str, Demo]],
    *,
    compression: str | None = None,
    userblock: int = 0,
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=userblock) as file:
        data = file.create_group("data")
        for name, datasets in demos:
            for key, values in datasets.items():
                data.create_dataset(f"{name}/{key}", data=values, compression=compression)
    return path


def write_file(
    path: Path,
    *,
    numbers: Sequence[int] = (0, 1),
    length: int = 20,
    raw: bool = True,
    **options: Any,
) -> Path:
    """Demos of `numbers`; number i is `make_demo(i, length + i)`."""
    demos = [(f"demo_{i}", make_demo(i, length + i, raw=raw)) for i in numbers]
    return write_demos(path, demos, **options)
