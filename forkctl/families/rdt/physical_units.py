"""What an entry of dataset_stat.json tells about the units of RDT's actions.

The well-known mistake is to give RDT LIBERO's actions as they are: offsets in units of 0.05 m and
0.5 rad. Such a model trains well, and its robot moves twenty times too far or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.checks import Check, failed, ok, warning
from forkctl.errors import ForkctlError
from forkctl.families.rdt.units import REPRESENTATIONS
from forkctl.families.rdt.vectors import STATE_KEYS, RdtLayout
from forkctl.libero.alignment import AUTO
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units.conventions import Pose
from forkctl.libero.units.dimensions import METRES_PER_ACTION, RADIANS_PER_ACTION
from forkctl.libero.units.published import published

Array = npt.NDArray[Any]

_POSITION, _SIXD, _VELOCITY, _TURNING = (slice(30, 33), slice(33, 39), slice(39, 42), slice(42, 45))
_GRIPPER = 10
# above the largest command; in the suites that is 0.9375 and 0.375
_ROOM = 1.2
# A Panda reaches 0.855 m, from a base that may stand a metre from the origin.
_REACH = 2.0
_NO_ACTIONS = (
    "upstream's own script writes state_* only; `forkctl data stats FOLDER --convention rdt-delta "
    "--write dataset_stat.json` writes both"
)


@dataclass(frozen=True)
class Slot:
    """One slot of the action that is filled."""

    slot: int
    name: str
    unit: str
    low: float
    high: float
    mean: float
    std: float


def representation_in(entry: Mapping[str, Any]) -> str:
    """What an entry seems to hold, by the slots that are filled and how far the pose varies."""
    mean, std = _field(entry, "mean"), _field(entry, "std")
    if np.any(std[39:45]):
        return "velocity"
    turned = np.abs(mean[_SIXD] - np.array([1, 0, 0, 0, 1, 0])).max() > 0.2
    return "absolute" if turned or np.any(std[33:39] > 0.3) else "delta"


def slots_in(entry: Mapping[str, Any], layout: RdtLayout) -> list[Slot]:
    fields = [_field(entry, name) for name in ("min", "max", "mean", "std")]
    slots = []
    for item in layout.action_dims:
        if item.slot is not None:
            low, high, mean, std = (float(field[item.slot]) for field in fields)
            slots.append(Slot(item.slot, item.name, item.unit, low, high, mean, std))
    return slots


def unit_checks(entry: Mapping[str, Any], representation: str) -> list[Check]:
    """What is wrong with an entry's actions, or that all is well."""
    if representation not in REPRESENTATIONS:
        raise ForkctlError(
            f"no representation {representation!r}", hint=f"one of: {', '.join(REPRESENTATIONS)}"
        )
    found = [
        *_filled(entry, representation),
        *_gripper(entry),
        *{"delta": _delta, "velocity": _velocity, "absolute": _absolute}[representation](entry),
    ]
    return found or [ok("units", f"those of the {representation} representation")]


def round_trip_error(
    files: Sequence[Path], layout: RdtLayout, alignment: str = AUTO, demos: int = 5
) -> float:
    """The largest difference after LIBERO -> 128-vector -> LIBERO, over some demos of each file."""
    worst = 0.0
    for path in files:
        with open_demo_file(path) as file:
            for name in file.demo_names[:demos]:
                pairing = file[name].pairing(alignment)
                actions = np.asarray(file[name].actions()[pairing.actions], dtype=np.float64)
                rows = slice(pairing.obs.start, pairing.obs.start + len(actions))
                obs = {key: file[name].obs(key)[rows] for key in STATE_KEYS}
                pose = Pose(obs["ee_pos"], obs["ee_ori"])
                again = layout.to_libero(layout.actions(actions, obs), pose)
                worst = max(worst, float(np.abs(again - actions).max()))
    return worst


def _filled(entry: Mapping[str, Any], representation: str) -> list[Check]:
    low, high = _field(entry, "min"), _field(entry, "max")
    wanted = range(39, 45) if representation == "velocity" else range(30, 39)
    empty = [slot for slot in wanted if low[slot] == high[slot]]
    if not empty:
        return []
    slots = ", ".join(map(str, empty))
    return [failed("slots", f"{slots} never change: this is not the {representation}")]


def _gripper(entry: Mapping[str, Any]) -> list[Check]:
    low, high = _field(entry, "min")[_GRIPPER], _field(entry, "max")[_GRIPPER]
    if low < -0.01 or high > 1.01:
        text = f"from {low:.2f} to {high:.2f}; RDT's is from 0 (closed) to 1 (open)"
        return [failed("gripper", text)]
    return []


def _delta(entry: Mapping[str, Any]) -> list[Check]:
    largest = _largest(entry, _POSITION)
    if largest > METRES_PER_ACTION * _ROOM:
        return [failed("position", _scale(largest, "m", METRES_PER_ACTION))]
    return [*_first_slot(entry), *_small_turns(entry)]


def _first_slot(entry: Mapping[str, Any]) -> list[Check]:
    """The numbers that are usually compared: in the suites, the mean is near 0 and the std is 0.013
    to 0.021 m."""
    mean, std = float(_field(entry, "mean")[30]), float(_field(entry, "std")[30])
    suites = [(item.fields["mean"][0], item.fields["std"][0]) for item in published().values()]
    means, spreads = (np.array(column) * METRES_PER_ACTION for column in zip(*suites, strict=True))
    found = []
    if abs(mean) > 1.3 * np.abs(means).max():
        usual = f"{means.min():+.4f} to {means.max():+.4f} m"
        text = f"the mean of slot 30 is {mean:+.4f} m; in LIBERO's suites it is {usual}"
        found.append(warning("slot 30", text))
    if not 0.7 * spreads.min() <= std <= 1.3 * spreads.max():
        usual = f"{spreads.min():.4f} to {spreads.max():.4f} m"
        text = f"the std of slot 30 is {std:.4f} m; in LIBERO's suites it is {usual}"
        found.append(warning("slot 30", text))
    return found


def _small_turns(entry: Mapping[str, Any]) -> list[Check]:
    """An offset's 6D is near (1, 0, 0, 0, 1, 0): a turn of 0.25 rad moves it by less than 0.3."""
    away = np.maximum(
        np.abs(_field(entry, "min")[_SIXD] - [1, 0, 0, 0, 1, 0]),
        np.abs(_field(entry, "max")[_SIXD] - [1, 0, 0, 0, 1, 0]),
    ).max()
    if away > RADIANS_PER_ACTION * _ROOM:
        return [failed("rotation", "not the offset of one step: it is an orientation")]
    return []


def _velocity(entry: Mapping[str, Any]) -> list[Check]:
    """A full command is 0.05 m in 1/20 s: 1 m/s. So LIBERO's own numbers look right in slots 39 to
    41, and only the rotation gives them away."""
    largest = _largest(entry, _VELOCITY)
    if largest > METRES_PER_ACTION * CONTROL_HZ * _ROOM:
        return [failed("velocity", _scale(largest, "m/s", METRES_PER_ACTION * CONTROL_HZ))]
    turning = _largest(entry, _TURNING)
    if turning > RADIANS_PER_ACTION * CONTROL_HZ * _ROOM:
        return [failed("rotation", _scale(turning, "rad/s", RADIANS_PER_ACTION * CONTROL_HZ))]
    if largest > 0.5 and turning < 0.5:
        text = (
            f"the largest is {turning:.2f} rad/s beside {largest:.2f} m/s: LIBERO's own numbers, "
            "not radians per second"
        )
        return [failed("rotation", text)]
    return []


def _absolute(entry: Mapping[str, Any]) -> list[Check]:
    found = []
    largest = _largest(entry, _POSITION)
    if largest > _REACH:
        found.append(failed("position", f"{largest:.2f} m is out of the arm's reach"))
    spread = _field(entry, "std")[_POSITION].max()
    if spread < 0.03:
        text = f"varies by {spread:.4f} m only: these are offsets, not poses"
        found.append(failed("position", text))
    mean, std = _field(entry, "mean")[_SIXD], _field(entry, "std")[_SIXD]
    squares = (mean**2 + std**2).reshape(2, 3).sum(axis=1)
    if np.abs(squares - 1).max() > 0.02:
        found.append(failed("rotation", "the columns of the 6D form do not have length 1"))
    if np.abs(_field(entry, "mean")[_POSITION]).max() > 0.8:
        text = "about a metre from zero, which costs up to 4 mm in bfloat16"
        found.append(warning("position", text, hint="subtract the robot's base"))
    return found


def _scale(largest: float, unit: str, full: float) -> str:
    text = f"the largest is {largest:.3f} {unit}, and a full command is {full:g} {unit}"
    return f"{text}: LIBERO's normalised numbers, not {unit}" if largest < 1.1 else text


def _largest(entry: Mapping[str, Any], slots: slice) -> float:
    low, high = _field(entry, "min")[slots], _field(entry, "max")[slots]
    return float(max(np.abs(low).max(), np.abs(high).max()))


def _field(entry: Mapping[str, Any], name: str) -> Array:
    values = entry.get(f"action_{name}")
    if not isinstance(values, Sequence) or len(values) != 128:
        raise ForkctlError(
            f"no action_{name} of 128 numbers",
            hint=_NO_ACTIONS,
        )
    return np.asarray(values, dtype=np.float64)


def entry_in(content: Any, name: str | None, where: str) -> tuple[str, Mapping[str, Any]]:
    """One data set's entry of a dataset_stat.json; without a name, the only one with actions."""
    if not isinstance(content, dict):
        raise ForkctlError("is not a JSON object", where=where)
    if name is None:
        named = [key for key, value in content.items() if "action_mean" in value]
        if len(named) != 1:
            raise ForkctlError(
                f"{len(named)} of its {len(content)} data sets have numbers of actions",
                where=where,
                hint=f"name one: {', '.join(named)}" if named else _NO_ACTIONS,
            )
        name = named[0]
    if name not in content:
        raise ForkctlError(
            f"no data set {name}", where=where, hint=f"it has {', '.join(list(content)[:6])}"
        )
    return name, content[name]
