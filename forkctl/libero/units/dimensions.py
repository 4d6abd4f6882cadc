"""Named dimensions of every vector that forkctl reads, writes or measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

METRES_PER_ACTION = 0.05
RADIANS_PER_ACTION = 0.5
# LIBERO's fingers open to about 0.04 m each.
GRIPPER_OPENING = 0.08


@dataclass(frozen=True)
class Dimension:
    """One number of a vector: its unit, the range it can take, and what it means.

    `slot` is its place in a larger vector, where a family has one. "Near zero" is relative to
    `full_scale`, the size of a large value.
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


def xyz(
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


COMMANDED = (
    *xyz("move", "0.05 m", 1, "offset of the set point"),
    *xyz("turn", "0.5 rad", 1, "offset of the set point as axis-angle in the base frame"),
)

LIBERO_ACTION = (*COMMANDED, Dimension("gripper", "1", -1, 1, "-1 = open, +1 = close"))

# What the observation says of the robot.
LIBERO_STATE = (
    *xyz("eef", "m", 2, "position of the end effector"),
    *xyz("eef_turn", "rad", 6.2832, "its orientation as axis-angle, up to 2 pi"),
    Dimension("finger_left", "m", -0.041, 0.041, "position of a finger, 0.04 = open"),
    Dimension("finger_right", "m", -0.041, 0.041, "position of the other finger, mirrored"),
)
