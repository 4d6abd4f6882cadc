"""OpenVLA's convention: LIBERO's numbers, but for the gripper."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.units.conventions import PROPRIO, Convention, Pose, floats, joined
from forkctl.libero.units.dimensions import COMMANDED, Dimension

Array = npt.NDArray[Any]

ACTION = (*COMMANDED, Dimension("gripper", "1", 0, 1, "1 = open, 0 = close"))


def to_openvla(actions: Array, pose: Pose | None = None) -> Array:
    """1 = open, 0 = close, as OpenVLA's own transform: 1 - clip(g, 0, 1)."""
    values = floats(actions)
    gripper = 1 - np.clip(values[..., 6:], 0, 1)
    return joined(values[..., :6], gripper)


def from_openvla(values: Array, pose: Pose | None = None) -> Array:
    values = floats(values)
    return joined(values[..., :6], 1 - 2 * values[..., 6:])


OPENVLA = Convention(
    "openvla",
    "LIBERO's with the gripper as 1 = open, 0 = close",
    ACTION,
    to_openvla,
    from_openvla,
    PROPRIO,
)
