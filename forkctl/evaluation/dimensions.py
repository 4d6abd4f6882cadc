"""The seven action dimensions, and the groups of them that a table has columns for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DIMENSIONS = ("x", "y", "z", "rx", "ry", "rz", "gripper")
MOTION = DIMENSIONS[:6]
GRIPPER = DIMENSIONS.index("gripper")
WIDTH = len(DIMENSIONS)

# Pooled columns. Raw units may be pooled inside `position` and `rotation`, never across them.
GROUPS: dict[str, tuple[str, ...]] = {
    "position": DIMENSIONS[:3],
    "rotation": DIMENSIONS[3:6],
    "motion": MOTION,
}
COLUMNS = (*DIMENSIONS, *GROUPS)


def column_members() -> Floats:
    """(columns, dimensions) of 0 and 1: which dimensions are summed into which column."""
    members = np.zeros((len(COLUMNS), WIDTH))
    for row, column in enumerate(COLUMNS):
        for name in GROUPS.get(column, (column,)):
            members[row, DIMENSIONS.index(name)] = 1.0
    return members
