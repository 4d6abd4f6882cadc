"""Make a file that looks like DROID's robot data from LIBERO-shaped demos.

Other cameras, and ten numbers in an action instead of seven, so that the demo can fine-tune from a
checkpoint that does not fit LIBERO as it is. Not for results.

    python scripts/droid_like.py FOLDER_OF_LIBERO_FILES OUT.hdf5
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import h5py
import numpy as np

from forkctl.libero.files.content import aligned, read_demo
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND
from forkctl.libero.units.rotations import matrix_from_axis_angle, sixd_from_matrix

CAMERAS = {
    AGENTVIEW: "varied_camera_1_left_image",
    EYE_IN_HAND: "varied_camera_2_left_image",
}


def droid_actions(actions: np.ndarray) -> np.ndarray:
    """Position, the first two columns of the rotation, gripper: ten numbers."""
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
                content = aligned(read_demo(demo), file.alignment())
                found = content.datasets
                group.attrs["num_samples"] = content.steps
                group["actions"] = droid_actions(found["actions"])
                group["obs/cartesian_position"] = found["obs/ee_states"]
                group["obs/gripper_position"] = found["obs/gripper_states"][:, :1]
                for ours, theirs in CAMERAS.items():
                    group[f"obs/{theirs}"] = found[f"obs/{ours}"]
    partial.replace(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    write(arguments.source, arguments.target)
