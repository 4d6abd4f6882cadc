"""What stands in a LIBERO HDF5 file: names, shapes, dtypes, attributes of both layouts.

data                      attrs (raw layout only)
data/demo_<i>             attrs (raw layout only); i has gaps in the regenerated layout
data/demo_<i>/actions     (T, 7)
data/demo_<i>/obs/<key>   (T, ...)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

CONTROL_HZ = 20
ACTION_DIM = 7
AGENTVIEW = "agentview_rgb"
EYE_IN_HAND = "eye_in_hand_rgb"
CAMERAS = (AGENTVIEW, EYE_IN_HAND)
# `states` is MuJoCo's flat state: time, then joint positions, then velocities. The arm's seven
# joints come first, which is what ties a state to an observation.
STATE_ARM_JOINTS = slice(1, 8)


class FileLayout(enum.Enum):
    RAW = "raw"
    """LIBERO's own files: 128 px, attributes, each observation one step late."""
    REGENERATED = "regenerated"
    """Replayed without no-ops: 256 px, no attributes, observation t with action t."""
    LOW_DIM = "low_dim"
    """Ours, for policies on states: no frames, `obs/object` (where the task's objects are),
    attributes, observation t with action t."""

    @property
    def observes_after(self) -> bool:
        return self is FileLayout.RAW

    @property
    def has_attributes(self) -> bool:
        return self is not FileLayout.REGENERATED

    @property
    def has_noops(self) -> bool:
        return self is not FileLayout.REGENERATED

    @property
    def has_frames(self) -> bool:
        return self is not FileLayout.LOW_DIM

    @property
    def has_objects(self) -> bool:
        return self is FileLayout.LOW_DIM

    @property
    def image_size(self) -> int:
        return 256 if self is FileLayout.REGENERATED else 128

    def folder_name(self, suite: str) -> str:
        endings = {FileLayout.RAW: "", FileLayout.REGENERATED: "_no_noops"}
        return suite + endings.get(self, f"_{self.value}")


PUBLISHED_LAYOUTS = (FileLayout.RAW, FileLayout.REGENERATED)


@dataclass(frozen=True)
class DatasetSpec:
    """`shape` is what follows the time axis; None where the scene decides."""

    name: str
    shape: tuple[Optional[int], ...]
    dtypes: tuple[str, ...]


_FLOAT = ("float64", "float32")
# rewards and dones are uint8 in the published files; floats and bools do no harm.
_FLAG = ("uint8", "bool", "int64", "float64", "float32")

DEMO_DATASETS = (
    DatasetSpec("actions", (ACTION_DIM,), _FLOAT),
    DatasetSpec("states", (None,), _FLOAT),
    DatasetSpec("robot_states", (9,), _FLOAT),
    DatasetSpec("rewards", (), _FLAG),
    DatasetSpec("dones", (), _FLAG),
)
LOW_DIM_OBS = (
    DatasetSpec("gripper_states", (2,), _FLOAT),
    DatasetSpec("joint_states", (7,), _FLOAT),
    DatasetSpec("ee_states", (6,), _FLOAT),
    DatasetSpec("ee_pos", (3,), _FLOAT),
    DatasetSpec("ee_ori", (3,), _FLOAT),
)
FRAME_OBS = tuple(DatasetSpec(camera, (None, None, 3), ("uint8",)) for camera in CAMERAS)

# Attributes of `data`, raw layout.
TAG = "libero-v1"
FILE_ATTRS = (
    "tag",
    "env_name",
    "problem_info",
    "macros_image_convention",
    "bddl_file_name",
    "bddl_file_content",
    "env_args",
    "num_demos",
    "total",
)
JSON_FILE_ATTRS = ("problem_info", "env_args")
# Attributes of each `data/demo_<i>`, raw layout.
DEMO_ATTRS = ("num_samples", "model_file", "init_state")
# Of these, what only the simulator can give. Files derived from others may lack them.
SIMULATOR_ATTRS = ("bddl_file_content", "model_file", "init_state")
