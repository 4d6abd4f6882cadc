"""Named dimensions of every vector that forkctl reads, writes or measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

METRES_PER_ACTION = 0.05
RADIANS_PER_ACTION = 0.5
# LIBERO's fingers open to about 0.04 m each.
GRIPPER_OPENING = 0.08
RDT_VECTOR_SIZE = 128


@dataclass(frozen=True)
class Dimension:
    """One number of a vector: its unit, the range it can take, and what it means.

    `slot` is its place in RDT's 128-vector. `full_scale` is the size of a large value, by which
    "near zero" is judged.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    slot: Optional[int] = None

    @property
    def full_scale(self) -> float:
        return max(abs(self.low), abs(self.high))


Dimensions = tuple[Dimension, ...]


def _xyz(
    stem: str, unit: str, scale: float, meaning: str, first_slot: Optional[int] = None
) -> Dimensions:
    return tuple(
        Dimension(
            f"{stem}_{axis}",
            unit,
            -scale,
            scale,
            f"{meaning}, {axis}",
            None if first_slot is None else first_slot + number,
        )
        for number, axis in enumerate("xyz")
    )


def _sixd(meaning: str) -> Dimensions:
    return tuple(
        Dimension(f"rot6d_{i}", "1", -1, 1, f"{meaning}, column {i // 3}, row {i % 3}", 33 + i)
        for i in range(6)
    )


_COMMANDED = (
    *_xyz("move", "0.05 m", 1, "offset of the set point"),
    *_xyz("turn", "0.5 rad", 1, "offset of the set point as axis-angle in the base frame"),
)
_GRIPPER_OPEN = Dimension("gripper_open", "1", 0, 1, "1 = open, 0 = close", 10)
_POSE_SLOTS = (
    *_xyz("eef", "m", 2, "position of the end effector", 30),
    *_sixd("orientation of the end effector"),
)

LIBERO_ACTION = (*_COMMANDED, Dimension("gripper", "1", -1, 1, "-1 = open, +1 = close"))
OPENVLA_ACTION = (*_COMMANDED, Dimension("gripper", "1", 0, 1, "1 = open, 0 = close"))
RDT_DELTA_ACTION = (
    *_xyz("delta", "m", METRES_PER_ACTION, "offset of the set point", 30),
    *_sixd("offset of the set point"),
    _GRIPPER_OPEN,
)
RDT_VELOCITY_ACTION = (
    *_xyz("velocity", "m/s", METRES_PER_ACTION * 20, "commanded velocity", 39),
    *_xyz("angular", "rad/s", RADIANS_PER_ACTION * 20, "commanded angular velocity", 42),
    _GRIPPER_OPEN,
)
RDT_ABSOLUTE_ACTION = (
    *_xyz("target", "m", 2, "set point in the frame of the given pose", 30),
    *_sixd("set point"),
    _GRIPPER_OPEN,
)

# What the observation says of the robot. OpenVLA's "proprio" is LIBERO's own.
LIBERO_STATE = (
    *_xyz("eef", "m", 2, "position of the end effector"),
    *_xyz("eef_turn", "rad", 6.2832, "its orientation as axis-angle, up to 2 pi"),
    Dimension("finger_left", "m", -0.041, 0.041, "position of a finger, 0.04 = open"),
    Dimension("finger_right", "m", -0.041, 0.041, "position of the other finger, mirrored"),
)
RDT_STATE = (
    *(
        Dimension(f"joint_{i}", "rad", -3.1416, 3.1416, f"angle of arm joint {i}", i)
        for i in range(7)
    ),
    *_POSE_SLOTS,
    _GRIPPER_OPEN,
)
