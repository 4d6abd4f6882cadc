"""`configs/dataset_stat.json`. Training reads `state_mean` only; people look for `action_mean` and
`action_std`, so both are there, in the slots of the 128-vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.families.rdt.units import CONVENTIONS, STATE, VECTOR_SIZE, slots_of
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.measure import DatasetStatistics
from forkctl.libero.units.statistics import Statistics
from forkctl.libero.units.statistics_files import StatisticsFile, needed

_FIELDS = ("mean", "std", "min", "max")


def entry(name: str, measured: DatasetStatistics, convention: Convention) -> dict[str, Any]:
    """One mask serves RDT's state and action: the joints, which these actions lack, are left out
    of the state."""
    return {
        "dataset_name": name,
        **fields_of("state", needed(measured.states, STATE.name), keep_joints=False),
        **fields_of("action", needed(measured.actions, convention.name), keep_joints=True),
    }


def fields_of(prefix: str, statistics: Statistics, *, keep_joints: bool) -> dict[str, list[float]]:
    """`<prefix>_mean` and its siblings, each in the slots of the 128-vector."""
    slots = np.array(slots_of(statistics.dims))
    kept = np.array([keep_joints or not name.startswith("joint_") for name in statistics.names])
    return {
        f"{prefix}_{name}": _vector(getattr(statistics, name)[kept], slots[kept])
        for name in _FIELDS
    }


def _vector(values: npt.NDArray[Any], slots: npt.NDArray[Any]) -> list[float]:
    vector = np.zeros(VECTOR_SIZE)
    vector[slots] = values
    result: list[float] = vector.tolist()
    return result


STATISTICS_FILE = StatisticsFile("dataset_stat.json", tuple(CONVENTIONS.values()), entry)
