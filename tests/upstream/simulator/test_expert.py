"""What only LIBERO's simulator can show: the World, the expert, and its demonstrations."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from forkctl.libero.suites import file_name_from_task, get_suite
from forkctl.libero.validation.file_checks import check_file
from tests.driver import Fork
from tests.libero.defects import PICTURES, RESPONSE, ROWS, finding_of, spoil

TASK = 0  # one of the short ones
FILE = file_name_from_task(get_suite("libero_spatial").tasks[TASK])

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(simulator: Fork) -> Any:
    return simulator.probe("probe_world")


def test_a_world_steps_and_observes_as_liberos_own_to_the_last_bit(world: Any) -> None:
    assert set(world["same as LIBERO"]) >= {"state", "joint_states", "ee_ori", "object"}
    assert all(world["same as LIBERO"].values()), world["same as LIBERO"]


def test_a_seed_places_objects_the_same_whatever_came_before(world: Any) -> None:
    assert world["placements"]["repeat"] and world["placements"]["differ"]


def test_what_stands_on_a_fixture_is_placed_there_after_a_soft_reset_too(world: Any) -> None:
    assert world["placements"]["bowl from stove"] < 0.2
    assert 0 < world["placements"]["bowl above table"] < 0.1


def test_a_reset_forgets_how_far_the_gripper_was_closed(world: Any) -> None:
    assert world["gripper after reset"] == 0.0


def test_there_are_fifty_initial_states(world: Any) -> None:
    assert world["init states"][0] == 50


def test_the_expert_picks_and_places(world: Any) -> None:
    assert None not in world["expert"].values(), world["expert"]


def test_frames_follow_the_scene_that_was_restored(world: Any) -> None:
    assert world["frames"]["same"]
    assert world["frames"]["shape"] == [64, 64, 3]
    assert 0 < world["frames"]["without reflections"] < 0.1


@pytest.fixture(scope="module")
def raw_file(simulator: Fork) -> Path:
    words = ["--tasks", str(TASK), "--demos", "2", "--no-reflections", "--image-size", "128"]
    simulator.workspace.said(
        "demos", "libero_spatial", *words, "-o", "raw", "--env", simulator.prefix
    )
    return simulator.workspace.root / "raw" / FILE


def test_a_raw_file_is_valid(simulator: Fork, raw_file: Path) -> None:
    said = json.loads(simulator.workspace.said("data", "validate", str(raw_file), "--json"))
    assert said["errors"] == 0, said["files"]


def test_a_raw_file_is_without_warnings_too(raw_file: Path) -> None:
    assert check_file(str(raw_file)).findings == ()


@pytest.mark.parametrize("defect", sorted({**RESPONSE, **ROWS, **PICTURES}))
def test_a_defect_in_what_the_simulator_recorded_is_named(
    defect: str, raw_file: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(raw_file, tmp_path))
    spoil(copy, defect)
    assert finding_of(defect) in {each.code for each in check_file(str(copy)).findings}


def test_a_raw_file_plays_back_to_the_last_bit(simulator: Fork, raw_file: Path) -> None:
    said = simulator.probe("probe_playback", path=raw_file)
    assert said == {"worst": 0.0, "succeeded": 2}


def test_a_raw_file_holds_no_path_of_this_machine(raw_file: Path) -> None:
    with h5py.File(raw_file) as file:
        model = file["data/demo_0"].attrs["model_file"]
        paths = {part.split('"')[0] for part in model.split('file="')[1:]}
    assert paths and all(path.startswith(("/robosuite/", "/libero/")) for path in paths)


def test_a_raw_file_has_a_preview(raw_file: Path) -> None:
    assert raw_file.with_suffix(".mp4").stat().st_size > 10_000


def test_killed_demos_go_on_where_they_were(simulator: Fork) -> None:
    words = ("demos", "libero_spatial", "--tasks", str(TASK), "--demos", "2", "--json")
    words = (*words, "--layout", "low_dim", "--env", simulator.prefix)
    process = simulator.workspace.start(*words, "-o", "killed")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate()
    killed, whole = (simulator.workspace.root / name for name in ("killed", "whole"))
    assert not (killed / FILE).exists()
    again = [
        json.loads(line) for line in simulator.workspace.said(*words, "-o", "killed").splitlines()
    ]
    assert first["attempts"] == 1 and again[0] == {**first, "attempts": 0}
    assert again[-1]["kind"] == "MadeFile"
    assert [path.name for path in killed.iterdir()] == [FILE]  # nothing half-made is left
    simulator.workspace.said(*words, "-o", "whole")
    with (
        h5py.File(killed / FILE) as one,
        h5py.File(whole / FILE) as other,
    ):
        for demo in ("demo_0", "demo_1"):
            for name in ("states", "actions", "obs/object"):
                assert np.array_equal(one[f"data/{demo}/{name}"], other[f"data/{demo}/{name}"])
