"""The statistics files that the upstreams read, written from the same numbers.

- OpenVLA: `dataset_statistics.json`, one entry per dataset name (its unnorm_key).
- RDT: one entry of `configs/dataset_stat.json`. Training reads only `state_mean`; people look for
  `action_mean` and `action_std`, so both are there, in the slots of the 128-vector.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Mapping, Optional, Sequence

import numpy as np
import numpy.typing as npt

from forkctl.libero.errors import DataFileError, LiberoError
from forkctl.libero.suites import Suite
from forkctl.libero.units.conventions import rdt_slots
from forkctl.libero.units.dimensions import RDT_VECTOR_SIZE
from forkctl.libero.units.measure import DatasetStatistics
from forkctl.libero.units.published import Published
from forkctl.libero.units.statistics import Statistics

OPENVLA_FILE = "dataset_statistics.json"
RDT_FILE = "dataset_stat.json"

# The conventions that a file can be written in; the first where none of them was asked for.
_WRITTEN_IN = {
    OPENVLA_FILE: ("openvla",),
    RDT_FILE: ("rdt-delta", "rdt-velocity", "rdt-absolute"),
}

_OPENVLA_FIELDS = ("mean", "std", "max", "min", "q01", "q99")
_RDT_FIELDS = ("mean", "std", "min", "max")
# The gripper is 0 or 1 already; OpenVLA scales the other six.
_OPENVLA_MASK = [True] * 6 + [False]


def conventions_needed(asked: Sequence[str], files: Iterable[Path]) -> tuple[str, ...]:
    """What to measure: what was asked for, and what the files to be written need on top."""
    needed = list(asked)
    for path in files:
        alternatives = _WRITTEN_IN.get(path.name, ())
        if alternatives and not set(alternatives) & set(needed):
            needed.append(alternatives[0])
    return tuple(dict.fromkeys(needed))


def default_name(files: Sequence[Path], suite: Optional[Suite], *, no_noops: bool) -> str:
    """The dataset's key: the suite's name as the upstreams have it, or the folder's."""
    if suite is None:
        return files[0].absolute().parent.name
    without = no_noops or files[0].absolute().parent.name == suite.regenerated_name
    return suite.regenerated_name if without else suite.name


def write_statistics(path: Path, name: str, measured: DatasetStatistics) -> None:
    """Write the numbers under `name` in the form that belongs to the file's name: OPENVLA_FILE,
    RDT_FILE, or any other for all of them in a form of ours."""
    if path.name == OPENVLA_FILE:
        entry = openvla_entry(measured)
    elif path.name == RDT_FILE:
        found = [item for item in _WRITTEN_IN[RDT_FILE] if item in measured.actions]
        if len(found) != 1:
            raise LiberoError(
                f"{RDT_FILE} holds one representation of the actions, not {len(found)}",
                hint=f"Give one --convention of {', '.join(_WRITTEN_IN[RDT_FILE])}.",
            )
        entry = rdt_entry(name, measured, found[0])
    else:
        entry = to_json(measured)
    update_json(path, name, entry)


def to_json(measured: DatasetStatistics) -> dict[str, Any]:
    """Everything that was measured, dimensions named; null for what is no number."""
    return {
        "files": measured.files,
        "demos": measured.demos,
        "steps": measured.steps,
        "shortest": measured.shortest,
        "longest": measured.longest,
        "noop_share": measured.noop_share,
        "actions": {name: _named(item) for name, item in measured.actions.items()},
        "states": {name: _named(item) for name, item in measured.states.items()},
    }


def openvla_entry(measured: DatasetStatistics) -> dict[str, Any]:
    """The value of one unnorm_key; needs actions measured in the "openvla" convention."""
    action = _need(measured.actions, "openvla")
    proprio = measured.states.get("libero")
    width = len(action.dims)
    return {
        "action": {**_fields(action, _OPENVLA_FIELDS), "mask": _OPENVLA_MASK},
        # Upstream writes zeros of the action's width when it does not load the state.
        "proprio": _fields(proprio, _OPENVLA_FIELDS)
        if proprio is not None
        else {name: [0.0] * width for name in _OPENVLA_FIELDS},
        "num_transitions": action.count,
        "num_trajectories": measured.demos,
    }


def openvla_entry_from_published(entry: Published) -> dict[str, Any]:
    """The same before any data is there. Where minimum and maximum were not published, q01 and
    q99 stand in; upstream's normalisation by quantiles reads neither."""
    if not entry.complete:
        raise LiberoError(
            f"no complete statistics are published for {entry.suite}",
            hint="Measure your files: `forkctl data stats PATH --write FILE`.",
        )
    fields = dict(entry.fields)
    fields.setdefault("min", fields["q01"])
    fields.setdefault("max", fields["q99"])
    width = len(_OPENVLA_MASK)
    return {
        "action": {
            **{name: fields[name].tolist() for name in _OPENVLA_FIELDS},
            "mask": _OPENVLA_MASK,
        },
        "proprio": {name: [0.0] * width for name in _OPENVLA_FIELDS},
        "num_transitions": entry.steps,
        "num_trajectories": entry.demos,
    }


def rdt_entry(
    name: str, measured: DatasetStatistics, convention: str, *, joints: bool = False
) -> dict[str, Any]:
    """The value of one dataset name. One mask serves RDT's state and action: take the joints only
    with a loader that fills them in both."""
    action = _need(measured.actions, convention)
    state = _need(measured.states, "rdt")
    return {
        "dataset_name": name,
        **rdt_fields("state", state, keep_joints=joints),
        **rdt_fields("action", action, keep_joints=True),
    }


def update_json(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Set one key of a JSON object in a file; the other keys stay, and the write is one step."""
    content: dict[str, Any] = {}
    if path.exists():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataFileError(
                f"is not JSON: {error}", where=str(path), hint="Give the name of another file."
            ) from error
        if not isinstance(content, dict):
            raise DataFileError(
                "holds no JSON object", where=str(path), hint="Give the name of another file."
            )
    content[name] = entry
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(content, out, indent=2)
            out.write("\n")
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _named(statistics: Statistics) -> dict[str, Any]:
    fields = (*_OPENVLA_FIELDS, "near_zero", "nonfinite", "exact_quantiles")
    columns = {name: getattr(statistics, name).tolist() for name in fields}
    return {
        "count": statistics.count,
        "dims": {
            dimension.name: {
                "unit": dimension.unit,
                "meaning": dimension.meaning,
                **{name: _number(column[i]) for name, column in columns.items()},
            }
            for i, dimension in enumerate(statistics.dims)
        },
    }


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _fields(statistics: Statistics, names: Sequence[str]) -> dict[str, list[float]]:
    return {name: getattr(statistics, name).tolist() for name in names}


def rdt_fields(prefix: str, statistics: Statistics, *, keep_joints: bool) -> dict[str, list[float]]:
    """`<prefix>_mean` and its siblings, each in the slots of the 128-vector."""
    slots = np.array(rdt_slots(statistics.dims))
    kept = np.array([keep_joints or not name.startswith("joint_") for name in statistics.names])
    return {
        f"{prefix}_{name}": _vector(getattr(statistics, name)[kept], slots[kept])
        for name in _RDT_FIELDS
    }


def _vector(values: npt.NDArray[Any], slots: npt.NDArray[Any]) -> list[float]:
    vector = np.zeros(RDT_VECTOR_SIZE)
    vector[slots] = values
    result: list[float] = vector.tolist()
    return result


def _need(found: Mapping[str, Statistics], name: str) -> Statistics:
    if name not in found:
        raise LiberoError(
            f"the {name} numbers were not measured", hint="Measure them again, all of them."
        )
    return found[name]
