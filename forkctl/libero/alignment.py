"""Which observation belongs to which action.

In LIBERO's raw files `obs[t]` was recorded *after* `actions[t]`, so the action to imitate at
`obs[t]` is `actions[t + 1]`, and the first action and the last observation have no partner. In the
regenerated files `obs[t]` goes with `actions[t]`. `states[t]` is from before `actions[t]` in both,
and holds the joint angles, which tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Optional

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import STATE_ARM_JOINTS

RAW = "raw"
ALIGNED = "aligned"
AUTO = "auto"
ALIGNMENTS = (RAW, ALIGNED)

# With a mean joint distance under this, the arm is at rest, which fits both.
_REST = 1e-7
# The right reading is exact up to replay noise; the wrong one is off by a step of motion.
_CLEAR_RATIO = 0.5


@dataclass(frozen=True)
class Pairing:
    """The usable (observation, action) pairs of a demo. `states` go with `actions`."""

    alignment: str
    length: int

    @property
    def offset(self) -> int:
        return 1 if self.alignment == RAW else 0

    @property
    def obs(self) -> slice:
        return slice(0, len(self))

    @property
    def actions(self) -> slice:
        return slice(self.offset, self.offset + len(self))

    def __len__(self) -> int:
        return max(self.length - self.offset, 0)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((t, t + self.offset) for t in range(len(self)))


def detect(joint_states: npt.NDArray[Any], states: npt.NDArray[Any]) -> Optional[str]:
    """RAW, ALIGNED, or None when the arm rests or neither fits clearly.

    The first step is left out: a regenerated demo starts with the raw file's first state, taken
    before things settled.
    """
    count = min(len(joint_states), len(states))
    if count < 4 or states.ndim != 2 or states.shape[1] < STATE_ARM_JOINTS.stop:
        return None
    if joint_states.shape[1:] != (7,):
        return None
    joints = np.asarray(joint_states[1 : count - 1], dtype=np.float64)
    arm = np.asarray(states[:count, STATE_ARM_JOINTS], dtype=np.float64)
    as_raw = float(np.abs(joints - arm[2:]).mean())
    as_aligned = float(np.abs(joints - arm[1:-1]).mean())
    if not max(as_raw, as_aligned) > _REST:  # also false for NaN
        return None
    if as_raw < _CLEAR_RATIO * as_aligned:
        return RAW
    if as_aligned < _CLEAR_RATIO * as_raw:
        return ALIGNED
    return None
