"""RDT's three conventions, in metres and radians, and their slots in its 128-vector."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units import rotations as rot
from forkctl.libero.units.conventions import (
    Convention,
    Pose,
    StateForm,
    floats,
    from_metric,
    joined,
    to_metric,
)
from forkctl.libero.units.dimensions import (
    GRIPPER_OPENING,
    METRES_PER_ACTION,
    RADIANS_PER_ACTION,
    Dimension,
    Dimensions,
    xyz,
)

Array = npt.NDArray[Any]

VECTOR_SIZE = 128
REPRESENTATIONS = ("delta", "velocity", "absolute")


def _sixd(meaning: str) -> Dimensions:
    return tuple(
        Dimension(f"rot6d_{i}", "1", -1, 1, f"{meaning}, column {i // 3}, row {i % 3}", 33 + i)
        for i in range(6)
    )


_GRIPPER_OPEN = Dimension("gripper_open", "1", 0, 1, "1 = open, 0 = close", 10)
DELTA_ACTION = (
    *xyz("delta", "m", METRES_PER_ACTION, "offset of the set point", 30),
    *_sixd("offset of the set point"),
    _GRIPPER_OPEN,
)
VELOCITY_ACTION = (
    *xyz("velocity", "m/s", METRES_PER_ACTION * 20, "commanded velocity", 39),
    *xyz("angular", "rad/s", RADIANS_PER_ACTION * 20, "commanded angular velocity", 42),
    _GRIPPER_OPEN,
)
ABSOLUTE_ACTION = (
    *xyz("target", "m", 2, "set point in the frame of the given pose", 30),
    *_sixd("set point"),
    _GRIPPER_OPEN,
)
JOINTS = tuple(
    Dimension(f"joint_{i}", "rad", -3.1416, 3.1416, f"angle of arm joint {i}", i) for i in range(7)
)
POSE = (
    *xyz("eef", "m", 2, "position of the end effector", 30),
    *_sixd("orientation of the end effector"),
    _GRIPPER_OPEN,
)


def to_delta(actions: Array, pose: Pose | None = None) -> Array:
    """Metres, 6D of the offset, gripper open."""
    move, turn, gripper = to_metric(actions)
    return joined(move, rot.sixd_from_matrix(rot.matrix_from_axis_angle(turn)), gripper)


def from_delta(values: Array, pose: Pose | None = None) -> Array:
    values = floats(values)
    turn = rot.axis_angle_from_matrix(rot.matrix_from_sixd(values[..., 3:9]))
    return from_metric(values[..., :3], turn, values[..., 9:])


def to_velocity(actions: Array, pose: Pose | None = None) -> Array:
    """The offset of one step, a second: metres/s, rad/s, gripper open."""
    move, turn, gripper = to_metric(actions)
    return joined(move * CONTROL_HZ, turn * CONTROL_HZ, gripper)


def from_velocity(values: Array, pose: Pose | None = None) -> Array:
    values = floats(values)
    move, turn = values[..., :3] / CONTROL_HZ, values[..., 3:6] / CONTROL_HZ
    return from_metric(move, turn, values[..., 6:])


def to_absolute(actions: Array, pose: Pose | None = None) -> Array:
    """The pose that the controller is to reach: position plus offset, exp(turn) R.

    RDT computes in bfloat16, which loses up to 4 mm near one metre: subtract the robot's base from
    the position.
    """
    pose = _needed(pose)
    move, turn, gripper = to_metric(actions)
    target = rot.matrix_from_axis_angle(turn) @ rot.matrix_from_axis_angle(pose.orientation)
    return joined(floats(pose.position) + move, rot.sixd_from_matrix(target), gripper)


def from_absolute(values: Array, pose: Pose | None = None) -> Array:
    pose = _needed(pose)
    values = floats(values)
    current = rot.matrix_from_axis_angle(pose.orientation)
    target = rot.matrix_from_sixd(values[..., 3:9])
    turn = rot.axis_angle_from_matrix(target @ np.swapaxes(current, -1, -2))
    return from_metric(values[..., :3] - floats(pose.position), turn, values[..., 9:])


def _needed(pose: Pose | None) -> Pose:
    if pose is None:
        raise TypeError("this convention needs the pose before each action")
    return pose


def state(joint_states: Array, ee_pos: Array, ee_ori: Array, gripper_states: Array) -> Array:
    """One mask serves RDT's state and action: what a loader leaves out of the action (the joints,
    say) it must leave out of the state."""
    fingers = floats(gripper_states)
    opening = np.clip((fingers[..., :1] - fingers[..., 1:]) / GRIPPER_OPENING, 0, 1)
    orientation = rot.sixd_from_matrix(rot.matrix_from_axis_angle(ee_ori))
    return joined(floats(joint_states), floats(ee_pos), orientation, opening)


STATE = StateForm(
    "rdt",
    (*JOINTS, *POSE),
    ("joint_states", "ee_pos", "ee_ori", "gripper_states"),
    state,
)
_ALL = (
    Convention(
        "rdt-delta",
        "offset in metres and 6D, in RDT's pose slots",
        DELTA_ACTION,
        to_delta,
        from_delta,
        STATE,
    ),
    Convention(
        "rdt-velocity",
        "offset a second, in RDT's velocity slots",
        VELOCITY_ACTION,
        to_velocity,
        from_velocity,
        STATE,
    ),
    Convention(
        "rdt-absolute",
        "target pose in metres and 6D, in RDT's pose slots",
        ABSOLUTE_ACTION,
        to_absolute,
        from_absolute,
        STATE,
        needs_pose=True,
    ),
)
CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    dict(zip(REPRESENTATIONS, _ALL))  # noqa: B905  # Python 3.9
)


def slots_of(dimensions: Dimensions) -> list[int]:
    return [dimension.slot for dimension in dimensions if dimension.slot is not None]


def to_vector(values: Array, dimensions: Dimensions) -> Array:
    """Put named dimensions into their slots of the 128-vector; the others are zero."""
    values = floats(values)
    vector = np.zeros((*values.shape[:-1], VECTOR_SIZE))
    vector[..., slots_of(dimensions)] = values
    return vector
