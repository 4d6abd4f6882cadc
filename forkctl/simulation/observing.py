"""What a policy may see of the simulation, under the names of LIBERO's files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def proprioception(env: Any) -> dict[str, Array]:
    """The arm as LIBERO records it, read from where robosuite's observables read it."""
    robot = env.robots[0]
    data = env.sim.data
    position = np.array(data.site_xpos[robot.eef_site_id])
    orientation = axis_angle(xyzw(data.get_body_xquat(robot.robot_model.eef_name)))
    return {
        "joint_states": np.array(data.qpos[robot._ref_joint_pos_indexes]),
        "gripper_states": np.array(data.qpos[robot._ref_gripper_joint_pos_indexes]),
        "ee_pos": position,
        "ee_ori": orientation,
        "ee_states": np.concatenate([position, orientation]),
    }


def robot_state(env: Any) -> Array:
    """`robot_states` of LIBERO's files: fingers, position, quaternion."""
    robot = env.robots[0]
    data = env.sim.data
    return np.concatenate(
        [
            data.qpos[robot._ref_gripper_joint_pos_indexes],
            data.site_xpos[robot.eef_site_id],
            xyzw(data.get_body_xquat(robot.robot_model.eef_name)),
        ]
    )


def object_poses(env: Any) -> dict[str, Array]:
    data = env.sim.data
    return {
        name: np.concatenate([data.body_xpos[body], xyzw(data.body_xquat[body])])
        for name, body in env.obj_body_id.items()
    }


def object_state(env: Any, ee_pos: Array) -> Array:
    """For each object that the task is about: position, quaternion, position from the hand.

    The quaternion is the one with w >= 0: both signs mean the same rotation, and a policy should
    not have to learn that.
    """
    poses = object_poses(env)
    parts = [np.zeros(0)]
    for name in env.obj_of_interest:
        pose = poses[name] if name in poses else _site_pose(env, name)
        quaternion = pose[3:] if pose[6] >= 0 else -pose[3:]
        parts += [pose[:3], quaternion, pose[:3] - ee_pos]
    return np.concatenate(parts)


def _site_pose(env: Any, name: str) -> Array:
    """A region, such as the top of a cabinet: it has a place, and no orientation that matters."""
    site = env.sim.model.site_name2id(name)
    return np.concatenate([env.sim.data.site_xpos[site], [0.0, 0.0, 0.0, 1.0]])


def xyzw(wxyz: Array) -> Array:
    """MuJoCo writes the real part first, robosuite and LIBERO last."""
    return np.asarray(wxyz)[[1, 2, 3, 0]]


def axis_angle(quaternion: Array) -> Array:
    """As robosuite has it: angles up to 2 pi, so that q and -q differ."""
    w = float(np.clip(quaternion[3], -1.0, 1.0))
    length = math.sqrt(1.0 - w * w)
    if math.isclose(length, 0.0):
        return np.zeros(3)
    # in robosuite's order of operations, for the last bit
    turned: Array = (np.asarray(quaternion[:3]) * 2.0 * math.acos(w)) / length
    return turned
