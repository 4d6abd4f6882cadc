from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.families.rdt.measuring import (
    held_out_demos,
    layout_entry,
    robot_base_of,
    training_demos,
)
from forkctl.families.rdt.statistics_file import entry
from forkctl.families.rdt.units import CONVENTIONS
from forkctl.families.rdt.vectors import STATE_KEYS, RdtLayout
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.units.measure import Wanted, measure


def test_the_absolute_numbers_are_those_that_are_measured_anyway(pristine: Path) -> None:
    """The same pairs by another way; states are counted for all observations there."""
    mine = layout_entry("spatial", [pristine], RdtLayout("absolute"))
    absolute = CONVENTIONS["absolute"]
    theirs = entry("spatial", measure([pristine], Wanted(conventions=(absolute,))), absolute)
    for field in ("mean", "std", "min", "max"):
        np.testing.assert_allclose(mine[f"action_{field}"], theirs[f"action_{field}"], atol=1e-12)
    np.testing.assert_allclose(mine["state_mean"], theirs["state_mean"], atol=0.01)


def test_a_base_moves_the_mean_and_nothing_else(pristine: Path) -> None:
    plain = layout_entry("x", [pristine], RdtLayout("absolute"))
    moved = layout_entry("x", [pristine], RdtLayout("absolute", robot_base=(0.5, 0, -1)))
    for prefix in ("state", "action"):
        apart = np.subtract(moved[f"{prefix}_mean"], plain[f"{prefix}_mean"])
        np.testing.assert_allclose(apart[30:33], [-0.5, 0, 1], atol=1e-9)
        assert np.abs(np.delete(apart, [30, 31, 32])).max() < 1e-9
        np.testing.assert_allclose(moved[f"{prefix}_std"], plain[f"{prefix}_std"], atol=1e-9)


def test_held_out_demos_are_not_measured(pristine: Path) -> None:
    layout = RdtLayout("velocity", joints=True)
    with open_demo_file(pristine) as file:
        kept = [demo.name for demo in training_demos(file, 1)]
        assert [demo.name for demo in held_out_demos(file, 1)] == [file.demo_names[-1]]
        assert [*kept, file.demo_names[-1]] == list(file.demo_names)
        states = [
            layout.states({key: demo.obs(key) for key in STATE_KEYS})[demo.pairing().obs]
            for demo in training_demos(file, 1)
        ]
    entry = layout_entry("x", [pristine], layout, holdout=1)
    np.testing.assert_allclose(entry["state_mean"], np.concatenate(states).mean(axis=0), atol=1e-12)
    with pytest.raises(DataFileError, match="nothing to measure"):
        layout_entry("x", [pristine], layout, holdout=4)


def test_the_base_is_read_from_the_scene(pristine_raw: Path, tmp_path: Path) -> None:
    with open_demo_file(pristine_raw) as file:
        assert robot_base_of(file) is None
    path = tmp_path / pristine_raw.name
    path.write_bytes(pristine_raw.read_bytes())
    scene = '<mujoco><body name="robot0_base" pos="-0.6600001 0 0.912"><geom/></body></mujoco>'
    with h5py.File(path, "r+") as written:
        for demo in written["data"].values():
            demo.attrs["model_file"] = scene
    with open_demo_file(path) as file:
        assert robot_base_of(file) == (-0.66, 0, 0.912)
