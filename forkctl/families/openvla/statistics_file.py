"""`dataset_statistics.json`: one entry for each data set, whose name is its unnorm_key."""

from __future__ import annotations

from typing import Any

from forkctl.errors import ForkctlError
from forkctl.families.openvla.units import OPENVLA
from forkctl.libero.units.conventions import PROPRIO, Convention
from forkctl.libero.units.measure import DatasetStatistics
from forkctl.libero.units.published import PublishedStatistics
from forkctl.libero.units.statistics_files import StatisticsFile, fields_of, needed

_FIELDS = ("mean", "std", "max", "min", "q01", "q99")
# The gripper is 0 or 1 already; OpenVLA scales the other six.
_MASK = [True] * 6 + [False]


def entry(
    name: str, measured: DatasetStatistics, convention: Convention = OPENVLA
) -> dict[str, Any]:
    action = needed(measured.actions, convention.name)
    proprio = measured.states.get(PROPRIO.name)
    return {
        "action": {**fields_of(action, _FIELDS), "mask": _MASK},
        # Upstream writes zeros of the action's width when it does not load the state.
        "proprio": _zeros() if proprio is None else fields_of(proprio, _FIELDS),
        "num_transitions": action.count,
        "num_trajectories": measured.demos,
    }


def entry_from_published(known: PublishedStatistics) -> dict[str, Any]:
    """The same before any data is there. Where minimum and maximum were not published, q01 and
    q99 stand in; upstream's normalisation by quantiles reads neither."""
    if not known.complete:
        raise ForkctlError(
            f"no complete statistics are published for {known.suite}",
            hint="measure your files: `forkctl data stats PATH --write FILE`",
        )
    fields = dict(known.fields)
    fields.setdefault("min", fields["q01"])
    fields.setdefault("max", fields["q99"])
    return {
        "action": {**{name: fields[name].tolist() for name in _FIELDS}, "mask": _MASK},
        "proprio": _zeros(),
        "num_transitions": known.steps,
        "num_trajectories": known.demos,
    }


def _zeros() -> dict[str, list[float]]:
    return {name: [0.0] * len(_MASK) for name in _FIELDS}


STATISTICS_FILE = StatisticsFile("dataset_statistics.json", (OPENVLA,), entry)
