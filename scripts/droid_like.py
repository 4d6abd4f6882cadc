"""Make a file that looks like DROID's robot data from LIBERO-shaped demos.

Other cameras, another image size, ten action numbers instead of seven: what a checkpoint that
somebody brings to LIBERO was trained on. Used by the demo; not for results.

    python scripts/droid_like.py FOLDER_OF_LIBERO_FILES OUT.hdf5
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import h5py
import numpy as np

from forkctl.libero.files.reader import Demo, open_demo_file
from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND
from forkctl.libero.units.rotations import matrix_from_axis_angle, sixd_from_matrix

CAMERAS = {
    AGENTVIEW: "varied_camera_1_left_image",
    EYE_IN_HAND: "varied_camera_2_left_image",
}
IMAGE_SIZE = 96


def droid_actions(demo: Demo) -> np.ndarray:
    """Position, the first two columns of the rotation, gripper: ten numbers."""
    actions = np.asarray(demo.actions(), dtype=np.float64)
    rotations = sixd_from_matrix(matrix_from_axis_angle(actions[:, 3:6]))
    return np.concatenate([actions[:, :3], rotations, actions[:, 6:]], axis=1)


def write(source: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(partial, "w") as out:
        data = out.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_name": "DROID", "type": 1, "env_kwargs": {}})
        for file in (open_demo_file(path) for path in sorted(source.glob("*.hdf5"))):
            for demo in file:
                group = data.create_group(f"demo_{len(data)}")
                actions = droid_actions(demo)
                group.attrs["num_samples"] = len(actions)
                group["actions"] = actions
                group["obs/cartesian_position"] = np.concatenate(
                    [demo.obs("ee_pos"), demo.obs("ee_ori")], axis=1
                )
                group["obs/gripper_position"] = demo.obs("gripper_states")[:, :1]
                for ours, theirs in CAMERAS.items():
                    size = (IMAGE_SIZE, IMAGE_SIZE)
                    frames = [cv2.resize(frame, size) for frame in demo.frames(ours)]
                    group[f"obs/{theirs}"] = np.stack(frames)
    partial.replace(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    write(arguments.source, arguments.target)
