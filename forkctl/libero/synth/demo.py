"""A trajectory in the form of a LIBERO demonstration: the same arrays, names, types and timing."""

from __future__ import annotations

import re
from typing import Optional, Tuple

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.libero.files.content import DemoContent
from forkctl.libero.schema import CAMERAS, FileLayout
from forkctl.libero.synth import arm
from forkctl.libero.synth.scene import OBJECTS, Scene
from forkctl.libero.synth.trajectories import Trajectories
from forkctl.libero.synth.view import OBJECT, PROPRIOCEPTION, View

Array = np.ndarray

STEP_SECONDS = 0.05
# of the flat state: time, seven joints, two fingers, then each body's position and quaternion
_JOINTS = slice(1, 8)
_BODIES = slice(10, 10 + 7 * OBJECTS)


def make_demo(
    name: str,
    trajectories: Trajectories,
    index: int,
    scene: Scene,
    layout: FileLayout,
    image_size: Optional[int],
) -> DemoContent:
    """Trajectory `index` as a demo. Where `image_size` is None, it says where things are in place
    of showing them."""
    length = int(trajectories.length[index])
    before = slice(0, length)
    seen = slice(1, length + 1) if layout.observes_after else before
    view = View(
        trajectories.position[index, seen],
        trajectories.quaternion[index, seen],
        trajectories.finger[index, seen],
        trajectories.objects[index, seen],
        trajectories.goal[index],
    )
    last = np.zeros(length, dtype=np.uint8)
    last[-1] = 1
    datasets = {
        "actions": trajectories.action[index, before],
        "states": _flat_states(trajectories, index)[before],
        "robot_states": np.concatenate([view.fingers, view.position, view.quaternion], axis=1),
        "rewards": last,
        "dones": last.copy(),
    }
    extra = (OBJECT,) if image_size is None else CAMERAS
    for key in (*PROPRIOCEPTION, *extra):
        datasets[f"obs/{key}"] = view.observation(key, scene, image_size or 0)
    attrs = {"model_file": _model_file(view.goal), "init_state": datasets["states"][0]}
    return DemoContent(name, datasets, attrs if layout.has_attributes else {})


def scene_of_demo(model: str, state: Array) -> Tuple[Array, Array, Array, Array]:
    """Position and quaternion of the hand, objects and goal, from what a demo keeps of them."""
    place = re.search('<body name="goal" pos="([^"]+)"', model)
    if place is None:
        raise ForkctlError(
            "the demonstration was not made on this table",
            hint="`forkctl data synth` makes such demonstrations",
        )
    position, quaternion = arm.pose_of_joints(state[_JOINTS])
    objects = state[_BODIES].reshape(OBJECTS, 7)[:, :3]
    return position, quaternion, objects, np.array(place[1].split(), dtype=float)


def _model_file(goal: Array) -> str:
    """What the state does not say of the scene."""
    place = " ".join(repr(float(part)) for part in goal)
    return f'<mujoco model="forkctl synthetic scene"><body name="goal" pos="{place}"/></mujoco>'


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
