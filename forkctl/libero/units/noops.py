"""Which actions the regenerated set leaves out.

A step is a no-op when it moves nothing and repeats the gripper command of the last action *kept*.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

THRESHOLD = 1e-4


def noop_mask(actions: npt.NDArray[Any], threshold: float = THRESHOLD) -> npt.NDArray[np.bool_]:
    """True where `actions[t]` (T, 7) would be dropped."""
    actions = np.asarray(actions, dtype=np.float64)
    motion = actions[:, :6]
    still = np.sqrt(np.einsum("ti,ti->t", motion, motion)) < threshold
    # A dropped step has the gripper command of the last one kept, so comparing with the step before
    # is enough; except at the start, where nothing is kept yet and every still step is dropped.
    unchanged = np.ones(len(actions), dtype=np.bool_)
    unchanged[1:] = actions[1:, 6] == actions[:-1, 6]
    starting = np.logical_and.accumulate(still)
    mask: npt.NDArray[np.bool_] = starting | (still & unchanged)
    return mask
