"""The statistics that actions are normalised by, and the file that upstream keeps them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.families.openvla.statistics_file import STATISTICS_FILE, entry_from_published
from forkctl.families.openvla.statistics_file import entry as entry_of
from forkctl.families.openvla.units import OPENVLA
from forkctl.libero.suites import get_suite
from forkctl.libero.units.measure import Wanted, measure
from forkctl.libero.units.published import published
from forkctl_openvla.options import DatasetOptions

_FIELDS = ("mean", "std", "max", "min", "q01", "q99")
_MOTION = 6  # the dimensions that `scale` multiplies; the gripper follows


def entry_for(options: DatasetOptions, files: Sequence[Path], name: str) -> dict[str, Any]:
    """The value of one unnorm_key, of actions as the policy will be taught them."""
    if options.statistics == "published":
        return entry_from_published(published()[get_suite(name).name])
    if options.statistics != "computed":
        return _from_file(Path(options.statistics), name)
    averaged = options.window.steps if options.window.mode == "mean" else 1
    wanted = Wanted(
        (OPENVLA,),
        alignment=options.alignment,
        drop_noops=options.drop_noops,
        hold=averaged,
    )
    entry = entry_of(name, measure(files, wanted))
    for key in _FIELDS:
        values = np.asarray(entry["action"][key], dtype=np.float64)
        values[:_MOTION] *= options.scale
        entry["action"][key] = values.tolist()
    return entry


def normalised(actions: np.ndarray, entry: Mapping[str, Any]) -> np.ndarray:
    """Upstream's BOUNDS_Q99, in float32 as upstream computes: into [-1, 1] where the mask says so,
    and 0 for a dimension that never changes."""
    of = {key: np.asarray(entry["action"][key], dtype=np.float32) for key in _FIELDS}
    values = np.asarray(actions, dtype=np.float32)
    span = of["q99"] - of["q01"] + np.float32(1e-8)
    scaled = np.clip(2 * (values - of["q01"]) / span - 1, -1, 1)
    mask = np.asarray(entry["action"].get("mask", [True] * values.shape[-1]))
    result = np.where(mask, scaled, values)
    return np.where(of["min"] == of["max"], np.float32(0), result)


def save_dataset_statistics(statistics: Mapping[str, Any], folder: Path) -> None:
    """Upstream's file, written without TensorFlow, and in one step."""
    text = json.dumps(_plain(statistics), indent=2) + "\n"
    write_atomically(Path(folder) / STATISTICS_FILE.name, text)


def _from_file(path: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForkctlError(f"statistics cannot be read: {error}", where=str(path)) from None
    if name not in found:
        raise ForkctlError(
            f"has no statistics of {name!r}, the dataset_name",
            where=str(path),
            hint=f"it has {', '.join(found)}",
        )
    entry: dict[str, Any] = found[name]
    return entry


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
