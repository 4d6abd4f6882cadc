"""A trajectory in the form of a LIBERO demonstration: the same arrays, names, types and timing."""

from __future__ import annotations

from typing import Optional

import numpy as np

from forkctl.libero.files.content import DemoContent
from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND, FileLayout
from forkctl.libero.synth import arm, cameras
from forkctl.libero.synth.scene import Scene
from forkctl.libero.synth.trajectories import Trajectories

Array = np.ndarray

STEP_SECONDS = 0.05
_MODEL_FILE = '<mujoco model="forkctl synthetic scene"/>'


def make_demo(
    name: str,
    trajectories: Trajectories,
    index: int,
    scene: Scene,
    layout: FileLayout,
    image_size: Optional[int],
) -> DemoContent:
    """Trajectory `index` as a demo; `image_size` None leaves the frames out."""
    length = int(trajectories.length[index])
    before = slice(0, length)
    seen = slice(1, length + 1) if layout.observes_after else before
    position, quaternion = trajectories.position[index], trajectories.quaternion[index]
    finger, objects = trajectories.finger[index], trajectories.objects[index]
    fingers = np.stack([finger, -finger], axis=1)
    orientation = arm.to_rotation_vector(quaternion)
    last = np.zeros(length, dtype=np.uint8)
    last[-1] = 1
    datasets = {
        "actions": trajectories.action[index, before],
        "states": _flat_states(trajectories, index)[before],
        "robot_states": np.concatenate([fingers, position, quaternion], axis=1)[seen],
        "rewards": last,
        "dones": last.copy(),
        "obs/gripper_states": fingers[seen],
        "obs/joint_states": arm.joint_positions(position, quaternion)[seen],
        "obs/ee_states": np.concatenate([position, orientation], axis=1)[seen],
        "obs/ee_pos": position[seen],
        "obs/ee_ori": orientation[seen],
    }
    if image_size is not None:
        drawn, enlarge = _drawing_size(image_size)
        view = (position[seen], finger[seen], objects[seen], trajectories.goal[index], drawn)
        for camera, draw in ((AGENTVIEW, cameras.agentview), (EYE_IN_HAND, cameras.eye_in_hand)):
            frames = draw(scene, *view)
            datasets[f"obs/{camera}"] = frames.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    attrs = {"model_file": _MODEL_FILE, "init_state": datasets["states"][0]}
    return DemoContent(name, datasets, attrs if layout.has_attributes else {})


def _flat_states(trajectories: Trajectories, index: int) -> Array:
    """Time, joint positions, joint velocities, in the order of a MuJoCo state."""
    position, quaternion = trajectories.position[index], trajectories.quaternion[index]
    finger, objects = trajectories.finger[index], trajectories.objects[index]
    joints = arm.joint_positions(position, quaternion)
    upright = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (*objects.shape[:2], 4))
    bodies = np.concatenate([objects, upright], axis=2).reshape(len(objects), -1)
    places = np.concatenate([joints, np.stack([finger, -finger], axis=1), bodies], axis=1)
    speeds = np.zeros((len(places), 9 + 6 * objects.shape[1]))
    speeds[1:, :9] = np.diff(places[:, :9], axis=0) / STEP_SECONDS
    time = np.arange(len(places))[:, None] * STEP_SECONDS
    return np.concatenate([time, places, speeds], axis=1)


def _drawing_size(image_size: int) -> tuple[int, int]:
    """The size to draw at, and how many times to enlarge: the simple shapes gain nothing above 128
    pixels."""
    enlarge = image_size // 128 if image_size % 128 == 0 else 1
    return image_size // enlarge, enlarge
