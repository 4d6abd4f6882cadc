"""How the arm answers a command, for a batch of demonstrations at once.

LIBERO's controller sets its goal to *where the hand is now plus the command*, so the hand only ever
goes part of the way: about 0.10 of the commanded step from rest, and 0.25 once it moves. Here it is
a first-order lag with these two numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Tuple

import numpy as np

Array = np.ndarray

POSITION_SCALE = 0.05  # metres for a command of 1
ROTATION_SCALE = 0.5  # radians for a command of 1
FIRST_STEP_RESPONSE = 0.10
STEADY_RESPONSE = 0.25
LAG = FIRST_STEP_RESPONSE / STEADY_RESPONSE

MAX_TRANSLATION = 0.9375  # largest |a| in every published suite
MAX_ROTATION = 0.375
COMMAND_LEVELS = 350  # the recording device counts in 1/350 of its range

FINGER_OPEN = 0.0405
FINGER_SPEED = 0.005  # metres per step: eight steps, 0.4 s, to close

START_POSITION = np.array([-0.2, 0.0, 1.17])
START_QUATERNION = np.array([1.0, 0.0, 0.0, 0.0])  # x, y, z, w: the hand points down


@dataclass(frozen=True)
class ArmState:
    """Pose, velocity and finger opening of N hands."""

    position: Array  # (N, 3) metres
    quaternion: Array  # (N, 4) x, y, z, w
    linear: Array  # (N, 3) metres made in the last step
    angular: Array  # (N, 3) radians made in the last step
    finger: Array  # (N,) metres, one finger


def start_state(position: Array, quaternion: Array) -> ArmState:
    count = len(position)
    return ArmState(
        position=position,
        quaternion=quaternion,
        linear=np.zeros((count, 3)),
        angular=np.zeros((count, 3)),
        finger=np.full(count, FINGER_OPEN),
    )


def step(state: ArmState, action: Array, narrowest: float) -> ArmState:
    """One 50 ms step under `action` (N, 7); `narrowest` is where an object stops the fingers."""
    linear = _follow(state.linear, action[:, :3] * POSITION_SCALE)
    angular = _follow(state.angular, action[:, 3:6] * ROTATION_SCALE)
    wanted = np.where(action[:, 6] > 0, narrowest, FINGER_OPEN)
    finger = state.finger + np.clip(wanted - state.finger, -FINGER_SPEED, FINGER_SPEED)
    return ArmState(
        position=state.position + linear,
        quaternion=multiply(from_rotation_vector(angular), state.quaternion),
        linear=linear,
        angular=angular,
        finger=finger,
    )


def freeze(old: ArmState, new: ArmState, moving: Array) -> ArmState:
    """`new` for the demonstrations that are still running, `old` for those that have ended."""
    choose = {
        name: np.where(moving.reshape((-1,) + (1,) * (value.ndim - 1)), value, getattr(old, name))
        for name, value in vars(new).items()
    }
    return replace(new, **choose)


def quantise(action: Array) -> Array:
    """Clip to the recording device's range and round to its levels; the gripper stays."""
    limit = np.array([MAX_TRANSLATION] * 3 + [MAX_ROTATION] * 3)
    levels = np.round(np.clip(action[:, :6] / limit, -1.0, 1.0) * COMMAND_LEVELS)
    return np.concatenate([levels * limit / COMMAND_LEVELS, action[:, 6:]], axis=1)


def _follow(velocity: Array, command: Array) -> Array:
    new: Array = velocity + LAG * (STEADY_RESPONSE * command - velocity)
    return new


def multiply(a: Array, b: Array) -> Array:
    """Quaternion product, x y z w, batched."""
    ax, ay, az, aw = np.moveaxis(a, -1, 0)
    bx, by, bz, bw = np.moveaxis(b, -1, 0)
    product = np.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        axis=-1,
    )
    unit: Array = product / np.linalg.norm(product, axis=-1, keepdims=True)
    return unit


def conjugate(quaternion: Array) -> Array:
    return np.concatenate([-quaternion[..., :3], quaternion[..., 3:]], axis=-1)


def from_rotation_vector(vector: Array) -> Array:
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    # sin(a/2)/a, which numpy's sinc gives without dividing by zero
    scale = 0.5 * np.sinc(angle / (2 * math.pi))
    return np.concatenate([vector * scale, np.cos(angle / 2)], axis=-1)


def to_rotation_vector(quaternion: Array) -> Array:
    """Axis-angle with an angle of 0 to 2 pi, not the shorter way round: as LIBERO records it."""
    w = np.clip(quaternion[..., 3:], -1.0, 1.0)
    sine = np.sqrt(1.0 - w * w)
    angle = 2.0 * np.arccos(w)
    still = sine < 1e-12
    return np.where(still, 0.0, quaternion[..., :3] * angle / np.where(still, 1.0, sine))


def joint_positions(position: Array, quaternion: Array) -> Array:
    """Seven joint angles that follow the hand's pose.

    Not inverse kinematics: a fixed linear map near the start pose. It is one to one in the pose, so
    that a file can be checked and a policy can learn from it.
    """
    turned = multiply(quaternion, conjugate(np.broadcast_to(START_QUATERNION, quaternion.shape)))
    short = np.where(turned[..., 3:] < 0, -turned, turned)
    twist = 2.0 * short[..., :3]
    moved = np.concatenate([position - START_POSITION, twist], axis=-1)
    joints: Array = START_JOINTS + moved @ JOINTS_FROM_POSE.T
    return joints


def pose_of_joints(joints: Array) -> Tuple[Array, Array]:
    """Position and quaternion of the hand at the joint angles of `joint_positions`."""
    pose = np.linalg.pinv(JOINTS_FROM_POSE) @ (joints - START_JOINTS)
    half = pose[3:] / 2.0  # the rotation axis times the sine of half the angle
    turned = np.append(half, np.sqrt(max(1.0 - half @ half, 0.0)))
    return START_POSITION + pose[:3], multiply(turned, START_QUATERNION)


START_JOINTS = np.array([0.0, -0.161, 0.0, -2.444, 0.0, 2.227, math.pi / 4])
# rows: joints; columns: x, y, z, and the rotation vector. Signs as on a Panda that faces +x.
JOINTS_FROM_POSE = np.array(
    [
        [0.00, 1.90, 0.00, 0.05, 0.00, 0.10],
        [1.55, 0.00, -1.20, 0.00, 0.30, 0.00],
        [0.00, 0.35, 0.00, -0.45, 0.00, 0.20],
        [2.05, 0.00, 1.05, 0.00, 0.25, 0.00],
        [0.00, -0.40, 0.00, 0.85, 0.00, -0.15],
        [0.55, 0.00, 2.15, 0.00, -0.80, 0.00],
        [0.00, 1.80, 0.00, 0.10, 0.00, -0.95],
    ]
)
