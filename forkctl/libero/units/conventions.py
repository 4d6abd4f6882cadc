"""Action conventions: LIBERO's own, OpenVLA's, RDT's three, robomimic's.

Each is a pair of pure functions between LIBERO's action and its own vector, for arrays of any
leading shape. An encode that is followed by its decode gives the action back.

    rdt = CONVENTIONS["rdt-absolute"]
    target = rdt.encode(actions, Pose(ee_pos, ee_ori))    # poses *before* the actions: mind the
    actions = rdt.decode(target, Pose(ee_pos, ee_ori))    # alignment of the file
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Callable, Mapping, Optional

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units import dimensions as dims
from forkctl.libero.units import rotations as rot
from forkctl.libero.units.dimensions import METRES_PER_ACTION, RADIANS_PER_ACTION

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Pose:
    """Where the end effector is before an action: (..., 3) metres, (..., 3) axis-angle.

    RDT computes in bfloat16, which loses up to 4 mm near one metre: subtract the robot's base from
    the position for a convention with absolute targets.
    """

    position: Array
    orientation: Array


@dataclass(frozen=True)
class Convention:
    """`encode` takes LIBERO actions (..., 7); both functions take the pose if `needs_pose`."""

    name: str
    summary: str
    dims: dims.Dimensions
    encode: Callable[[Array, Optional[Pose]], Array]
    decode: Callable[[Array, Optional[Pose]], Array]
    needs_pose: bool = False


def to_openvla(actions: Array) -> Array:
    """1 = open, 0 = close, as OpenVLA's own transform: 1 - clip(g, 0, 1)."""
    values = _float(actions)
    gripper = 1 - np.clip(values[..., 6:], 0, 1)
    return _join(values[..., :6], gripper)


def from_openvla(values: Array) -> Array:
    values = _float(values)
    return _join(values[..., :6], 1 - 2 * values[..., 6:])


def to_rdt_delta(actions: Array) -> Array:
    """Metres, 6D of the offset, gripper open."""
    move, turn, gripper = _metric(actions)
    return _join(move, rot.sixd_from_matrix(rot.matrix_from_axis_angle(turn)), gripper)


def from_rdt_delta(values: Array) -> Array:
    values = _float(values)
    turn = rot.axis_angle_from_matrix(rot.matrix_from_sixd(values[..., 3:9]))
    return _from_metric(values[..., :3], turn, values[..., 9:])


def to_rdt_velocity(actions: Array) -> Array:
    """The offset of one step, a second: metres/s, rad/s, gripper open."""
    move, turn, gripper = _metric(actions)
    return _join(move * CONTROL_HZ, turn * CONTROL_HZ, gripper)


def from_rdt_velocity(values: Array) -> Array:
    values = _float(values)
    move, turn = values[..., :3] / CONTROL_HZ, values[..., 3:6] / CONTROL_HZ
    return _from_metric(move, turn, values[..., 6:])


def to_rdt_absolute(actions: Array, pose: Pose) -> Array:
    """The pose that the controller is told to reach: position plus offset, exp(turn) R."""
    move, turn, gripper = _metric(actions)
    target = rot.matrix_from_axis_angle(turn) @ rot.matrix_from_axis_angle(pose.orientation)
    return _join(_float(pose.position) + move, rot.sixd_from_matrix(target), gripper)


def from_rdt_absolute(values: Array, pose: Pose) -> Array:
    values = _float(values)
    current = rot.matrix_from_axis_angle(pose.orientation)
    target = rot.matrix_from_sixd(values[..., 3:9])
    turn = rot.axis_angle_from_matrix(target @ np.swapaxes(current, -1, -2))
    return _from_metric(values[..., :3] - _float(pose.position), turn, values[..., 9:])


def libero_state(ee_pos: Array, ee_ori: Array, gripper_states: Array) -> Array:
    """dimensions.LIBERO_STATE: what OpenVLA calls proprio."""
    return _join(_float(ee_pos), _float(ee_ori), _float(gripper_states))


def rdt_state(joint_states: Array, ee_pos: Array, ee_ori: Array, gripper_states: Array) -> Array:
    """dimensions.RDT_STATE. One mask serves RDT's state and action: what a loader leaves out of
    the action (the joints, say) it must leave out of the state."""
    fingers = _float(gripper_states)
    opening = np.clip((fingers[..., :1] - fingers[..., 1:]) / dims.GRIPPER_OPENING, 0, 1)
    orientation = rot.sixd_from_matrix(rot.matrix_from_axis_angle(ee_ori))
    return _join(_float(joint_states), _float(ee_pos), orientation, opening)


def to_rdt_vector(values: Array, dimensions: dims.Dimensions) -> Array:
    """Put named dimensions into their slots of RDT's 128-vector; the others are zero."""
    values = _float(values)
    vector = np.zeros((*values.shape[:-1], dims.RDT_VECTOR_SIZE))
    vector[..., rdt_slots(dimensions)] = values
    return vector


def rdt_slots(dimensions: dims.Dimensions) -> list[int]:
    return [dimension.slot for dimension in dimensions if dimension.slot is not None]


def _float(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64)


def _join(*parts: Array) -> Array:
    joined: Array = np.concatenate(parts, axis=-1)
    return joined


def _metric(actions: Array) -> tuple[Array, Array, Array]:
    """Metres, axis-angle in radians, 1 = open."""
    values = _float(actions)
    gripper = (1 - values[..., 6:]) / 2
    return values[..., :3] * METRES_PER_ACTION, values[..., 3:6] * RADIANS_PER_ACTION, gripper


def _from_metric(move: Array, turn: Array, gripper_open: Array) -> Array:
    return _join(move / METRES_PER_ACTION, turn / RADIANS_PER_ACTION, 1 - 2 * gripper_open)


def _without_pose(function: Callable[[Array], Array]) -> Callable[[Array, Optional[Pose]], Array]:
    def call(values: Array, pose: Optional[Pose] = None) -> Array:
        return function(values)

    return call


def _with_pose(
    function: Callable[[Array, Pose], Array],
) -> Callable[[Array, Optional[Pose]], Array]:
    def call(values: Array, pose: Optional[Pose] = None) -> Array:
        if pose is None:
            raise TypeError("this convention needs the pose before each action")
        return function(values, pose)

    return call


_ALL = (
    Convention(
        "libero",
        "as stored: offsets in controller units, gripper -1 = open",
        dims.LIBERO_ACTION,
        _without_pose(_float),
        _without_pose(_float),
    ),
    Convention(
        "openvla",
        "LIBERO's with the gripper as 1 = open, 0 = close",
        dims.OPENVLA_ACTION,
        _without_pose(to_openvla),
        _without_pose(from_openvla),
    ),
    Convention(
        "robomimic",
        "LIBERO's own numbers; robomimic scales them itself by minimum and maximum",
        dims.LIBERO_ACTION,
        _without_pose(_float),
        _without_pose(_float),
    ),
    Convention(
        "rdt-delta",
        "offset in metres and 6D, in RDT's pose slots",
        dims.RDT_DELTA_ACTION,
        _without_pose(to_rdt_delta),
        _without_pose(from_rdt_delta),
    ),
    Convention(
        "rdt-velocity",
        "offset a second, in RDT's velocity slots",
        dims.RDT_VELOCITY_ACTION,
        _without_pose(to_rdt_velocity),
        _without_pose(from_rdt_velocity),
    ),
    Convention(
        "rdt-absolute",
        "target pose in metres and 6D, in RDT's pose slots",
        dims.RDT_ABSOLUTE_ACTION,
        _with_pose(to_rdt_absolute),
        _with_pose(from_rdt_absolute),
        needs_pose=True,
    ),
)
CONVENTIONS: Mapping[str, Convention] = MappingProxyType({item.name: item for item in _ALL})
