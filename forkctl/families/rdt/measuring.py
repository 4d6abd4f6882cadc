"""An entry of RDT's `configs/dataset_stat.json` for the vectors that a layout makes.

`statistics_file.entry` turns numbers that were measured anyway into the same form; this module
measures what only a layout has: measured velocities, joints in the action, the robot's base
subtracted, demos held out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from forkctl.families.rdt.statistics_file import fields_of
from forkctl.families.rdt.units import slots_of
from forkctl.families.rdt.vectors import STATE_KEYS, RdtLayout
from forkctl.libero.alignment import AUTO
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.reader import Demo, DemoFile, open_demo_file
from forkctl.libero.units.statistics import Accumulator

# A Panda on the table of most scenes.
_ON_A_TABLE = (-0.66, 0.0, 0.912)
_BASE = re.compile(r'<body[^>]*\bname="robot0_base"[^>]*\bpos="([^"]+)"')


def layout_entry(
    name: str,
    files: Iterable[Path],
    layout: RdtLayout,
    *,
    alignment: str = AUTO,
    holdout: int = 0,
) -> dict[str, Any]:
    """The value of one dataset name, over the pairs that the layout's dataset trains on."""
    states, actions = Accumulator(layout.state_dims), Accumulator(layout.action_dims)
    for path in files:
        with open_demo_file(path) as file:
            for demo in training_demos(file, holdout):
                pairing = demo.pairing(alignment)
                obs = {key: demo.obs(key) for key in STATE_KEYS}
                states.add(layout.states(obs)[pairing.obs][:, slots_of(layout.state_dims)])
                encoded = layout.actions(demo.actions()[pairing.actions], obs)
                actions.add(layout.values(encoded))
    if not actions.rows:
        raise DataFileError(
            "there is nothing to measure: no demo has a step", hint="hold out fewer demos"
        )
    return {
        "dataset_name": name,
        **fields_of("state", states.result(), keep_joints=True),
        **fields_of("action", actions.result(), keep_joints=True),
    }


def training_demos(file: DemoFile, holdout: int) -> Iterator[Demo]:
    """All but the last `holdout` of a file; those are `held_out_demos`."""
    names = file.demo_names
    return (file[name] for name in names[: max(len(names) - holdout, 0)])


def held_out_demos(file: DemoFile, holdout: int) -> Iterator[Demo]:
    names = file.demo_names
    return (file[name] for name in names[max(len(names) - holdout, 0) :])


def robot_base(files: Sequence[Path]) -> tuple[float, float, float]:
    """Of the first file's scene; that of most scenes where the file has lost its scene."""
    for path in files[:1]:
        with open_demo_file(path) as file:
            return robot_base_of(file) or _ON_A_TABLE
    return _ON_A_TABLE


def robot_base_of(file: DemoFile) -> tuple[float, float, float] | None:
    """Where the robot stands, from the scene in the first demo; regenerated files have none."""
    for demo in file:
        found = _BASE.search(str(demo.attrs.get("model_file", "")))
        if found:
            x, y, z = (round(float(value), 4) for value in found[1].split())
            return (x, y, z)
        break
    return None
