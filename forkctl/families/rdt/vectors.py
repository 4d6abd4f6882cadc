"""RDT's 128-vector for LIBERO: which slots are filled, in the state and in the actions alike.

RDT gives its network one mask for both. So a layout is a set of slots, both vectors fill exactly
these, and everything else is zero:

- delta, absolute: the pose (30-38) and the gripper (10);
- velocity: linear and angular velocity (39-44) and the gripper. Its state has measured velocities,
  so the joints, which say where the arm is, had better be filled too;
- with joints, slots 0-6 on top: angles in the state, those of the next observation in the action.

    layout = RdtLayout("absolute", robot_base=(-0.66, 0.0, 0.912))
    states = layout.states(obs)                         # obs: key -> consecutive rows
    actions = layout.actions(libero_actions, obs)       # as many rows; row t acts on obs row t
    libero_actions = layout.to_libero(predicted, pose)  # pose of the observation, LIBERO's frame
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.families.rdt import units
from forkctl.families.rdt.units import REPRESENTATIONS
from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units import rotations as rot
from forkctl.libero.units.conventions import Convention, Pose, floats
from forkctl.libero.units.dimensions import Dimensions

Array = npt.NDArray[Any]

STATE_KEYS = units.STATE.keys

# In units of 0.5 rad. Demonstrators turn by 0.00107 at least, or not at all. The controller holds
# an orientation only where it gets exactly zero.
TINY_TURN = 1e-3


@dataclass(frozen=True)
class RdtLayout:
    """`robot_base` is subtracted from positions in space: RDT computes in bfloat16, which is off by
    up to 4 mm near one metre."""

    representation: str
    joints: bool = False
    robot_base: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.representation not in REPRESENTATIONS:
            raise ForkctlError(
                f"no representation {self.representation!r}",
                hint=f"one of: {', '.join(REPRESENTATIONS)}",
            )

    @property
    def convention(self) -> Convention:
        return units.CONVENTIONS[self.representation]

    @property
    def action_dims(self) -> Dimensions:
        return (*(units.JOINTS if self.joints else ()), *self.convention.dims)

    @property
    def state_dims(self) -> Dimensions:
        if self.representation == "velocity":
            return self.action_dims
        return units.STATE.dims if self.joints else units.POSE

    @property
    def slots(self) -> list[int]:
        """In the order of `action_dims`."""
        return units.slots_of(self.action_dims)

    def mask(self) -> Array:
        """1 where both vectors are filled: what RDT calls the state indicator."""
        mask = np.zeros(units.VECTOR_SIZE)
        mask[self.slots] = 1
        return mask

    def states(self, obs: Mapping[str, Array]) -> Array:
        """(n, 128) from n consecutive observations. A velocity needs the observation before: that
        of the first one is zero."""
        position, orientation = floats(obs["ee_pos"]), floats(obs["ee_ori"])
        full = units.state(
            obs["joint_states"], position - self._base, orientation, obs["gripper_states"]
        )
        kept = {item.name: full[:, column] for column, item in enumerate(units.STATE.dims)}
        if self.representation == "velocity":
            measured = np.concatenate(
                [_linear_velocity(position), _angular_velocity(orientation)], axis=1
            )
            kept.update(
                (item.name, measured[:, column])
                for column, item in enumerate(self.convention.dims[:6])
            )
        values = np.stack([kept[item.name] for item in self.state_dims], axis=1)
        return units.to_vector(values, self.state_dims)

    def actions(self, actions: Array, obs: Mapping[str, Array]) -> Array:
        """(n, 128) from n LIBERO actions; `obs` has the observation that each acts on, and may have
        one more row, which the last action leads to."""
        count = len(actions)
        values = self.convention.encode(actions, self._pose(obs, count))
        if self.joints:
            joints = floats(obs["joint_states"])
            reached = joints[np.minimum(np.arange(1, count + 1), len(joints) - 1)]
            values = np.concatenate([reached, values], axis=1)
        return units.to_vector(values, self.action_dims)

    def values(self, vectors: Array) -> Array:
        """(..., 128) -> (..., len(action_dims)), in the units of `action_dims`."""
        found: Array = np.asarray(vectors)[..., self.slots]
        return found

    def to_libero(self, vectors: Array, pose: Pose | None = None) -> Array:
        """(..., 128) -> (..., 7). `pose` is that of the observation the action is executed at; only
        the absolute representation looks at it."""
        named = units.slots_of(self.convention.dims)
        values = floats(vectors)[..., named]
        if pose is not None:
            pose = Pose(floats(pose.position) - self._base, pose.orientation)
        return self.convention.decode(values, pose)

    @property
    def error_names(self) -> tuple[tuple[str, str], ...]:
        """(name, unit) of what `errors` returns: 6D columns become a rotation about each axis."""
        named = [(item.name, item.unit) for item in self.action_dims if item.name[:5] != "rot6d"]
        if self.representation == "velocity":
            return tuple(named)
        return (*named[:-1], *((f"turn_{axis}", "rad") for axis in "xyz"), named[-1])

    def errors(self, predicted: Array, truth: Array) -> Array:
        """(..., 128) each -> (..., len(error_names)): predicted minus true, in physical units."""
        apart = self.values(predicted) - self.values(truth)
        if self.representation == "velocity":
            return apart
        turn = [column for column, item in enumerate(self.action_dims) if item.name[:5] == "rot6d"]
        there = rot.matrix_from_sixd(self.values(predicted)[..., turn])
        back = np.swapaxes(rot.matrix_from_sixd(self.values(truth)[..., turn]), -1, -2)
        turned = rot.axis_angle_from_matrix(there @ back)
        joined: Array = np.concatenate(
            [apart[..., : turn[0]], turned, apart[..., turn[-1] + 1 :]], axis=-1
        )
        return joined

    def executed(self, vectors: Array) -> Array:
        """(..., 128) -> (..., width of the convention), as a robot executes it: targets in LIBERO's
        frame, and no turn where a tiny one was predicted."""
        values: Array = floats(vectors)[..., units.slots_of(self.convention.dims)]
        if self.convention.needs_pose:
            return np.concatenate([values[..., :3] + self._base, values[..., 3:]], axis=-1)
        actions = self.convention.decode(values, None)
        tiny = np.linalg.norm(actions[..., 3:6], axis=-1) < TINY_TURN
        actions[..., 3:6][tiny] = 0.0
        return self.convention.encode(actions, None)

    def units(self) -> dict[str, str]:
        """What each filled slot holds, for people and for a checkpoint's side-car."""
        return {str(item.slot): f"{item.name} [{item.unit}]" for item in self.action_dims}

    @property
    def _base(self) -> Array:
        return np.array(self.robot_base, dtype=np.float64)

    def _pose(self, obs: Mapping[str, Array], count: int) -> Pose | None:
        if not self.convention.needs_pose:
            return None
        return Pose(floats(obs["ee_pos"])[:count] - self._base, floats(obs["ee_ori"])[:count])


def _linear_velocity(position: Array) -> Array:
    return np.diff(position, axis=0, prepend=position[:1]) * CONTROL_HZ


def _angular_velocity(orientation: Array) -> Array:
    """In the base frame, as the commands are: exp(w dt) R_before = R_now."""
    matrices = rot.matrix_from_axis_angle(orientation)
    before = np.concatenate([matrices[:1], matrices[:-1]])
    return rot.axis_angle_from_matrix(matrices @ np.swapaxes(before, -1, -2)) * CONTROL_HZ
