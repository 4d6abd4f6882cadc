"""What the numbers of an action mean: a convention, and LIBERO's own.

A convention is a pair of pure functions between LIBERO's action and a vector of its own, for arrays
of any leading shape. An encode that is followed by its decode gives the action back.

    target = convention.encode(actions, Pose(ee_pos, ee_ori))    # poses *before* the actions: mind
    actions = convention.decode(target, Pose(ee_pos, ee_ori))    # the alignment of the file

The fork families bring conventions of their own (see their units.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from forkctl.libero.units.dimensions import (
    LIBERO_ACTION,
    LIBERO_STATE,
    METRES_PER_ACTION,
    RADIANS_PER_ACTION,
    Dimensions,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Pose:
    """Where the end effector is before an action: (..., 3) metres, (..., 3) axis-angle."""

    position: Array
    orientation: Array


@dataclass(frozen=True)
class StateForm:
    """A vector of the robot's state: `make` takes the observations of `keys`, in that order."""

    name: str
    dims: Dimensions
    keys: tuple[str, ...]
    make: Callable[..., Array]


# (LIBERO's actions or the convention's vectors, the poses before them) -> the other of the two
Translation = Callable[[Array, Optional[Pose]], Array]


@dataclass(frozen=True)
class Convention:
    """`encode` takes LIBERO actions (..., 7); both functions take the pose if `needs_pose`. They
    are functions of a module, so that a convention can be sent to another process."""

    name: str
    summary: str
    dims: Dimensions
    encode: Translation
    decode: Translation
    state: StateForm
    needs_pose: bool = False


def libero_state(ee_pos: Array, ee_ori: Array, gripper_states: Array) -> Array:
    return joined(floats(ee_pos), floats(ee_ori), floats(gripper_states))


def as_stored(values: Array, pose: Optional[Pose] = None) -> Array:
    return floats(values)


def floats(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64)


def joined(*parts: Array) -> Array:
    whole: Array = np.concatenate(parts, axis=-1)
    return whole


def to_metric(actions: Array) -> tuple[Array, Array, Array]:
    """LIBERO actions as metres, axis-angle in radians, and gripper with 1 = open."""
    values = floats(actions)
    gripper = (1 - values[..., 6:]) / 2
    return values[..., :3] * METRES_PER_ACTION, values[..., 3:6] * RADIANS_PER_ACTION, gripper


def from_metric(move: Array, turn: Array, gripper_open: Array) -> Array:
    return joined(move / METRES_PER_ACTION, turn / RADIANS_PER_ACTION, 1 - 2 * gripper_open)


PROPRIO = StateForm("libero", LIBERO_STATE, ("ee_pos", "ee_ori", "gripper_states"), libero_state)
LIBERO = Convention(
    "libero",
    "as stored: offsets in controller units, gripper -1 = open",
    LIBERO_ACTION,
    as_stored,
    as_stored,
    PROPRIO,
)
