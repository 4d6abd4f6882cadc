from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.cli import main
from forkctl.libero.suites import SUITES, file_name_from_task

TASK = SUITES["libero_goal"].tasks[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks of libero_goal, two demos each, every second action still."""
    rng = np.random.default_rng(0)
    target = tmp_path / "libero_goal"
    target.mkdir()
    for task in SUITES["libero_goal"].tasks[:2]:
        with h5py.File(target / file_name_from_task(task), "w") as file:
            for number in range(2):
                actions = rng.uniform(-0.9, 0.9, (40, 7))
                actions[1::2, :6] = 0
                actions[:, 6] = -1
                demo = file.create_group(f"data/demo_{number}")
                demo["actions"] = actions
                demo["obs/joint_states"] = rng.normal(size=(40, 7))
                for key, width in (("ee_pos", 3), ("ee_ori", 3), ("gripper_states", 2)):
                    demo[f"obs/{key}"] = rng.normal(size=(40, width))
    return target


def test_measured_and_published_numbers_stand_together(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "stats", str(folder), "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "2 files, 4 demos, 160 steps" in out
    assert "50.0% no-ops" in out
    rows = [line.split() for line in out.splitlines()]
    row = next(i for i, cells in enumerate(rows) if cells[:1] == ["turn_z"])
    assert rows[row + 1] == ["published", "0.0274", "0.1001", "-0.1378", "0.3750"]
    assert "428 demos" in out


def test_json_holds_what_was_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "stats", str(folder), "--convention", "libero", "--no-noops", "--json"]
    assert main([*arguments, "--no-states", "--jobs", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "libero_goal_no_noops"
    assert (found["steps"], found["noop_share"], found["states"]) == (80, 0.5, {})
    assert list(found["actions"]) == ["libero"]
    gripper = found["actions"]["libero"]["dims"]["gripper"]
    assert (gripper["mean"], gripper["q99"], gripper["exact_quantiles"]) == (-1, -1, True)


def test_files_for_the_upstreams(folder: Path, tmp_path: Path) -> None:
    openvla, rdt = tmp_path / "dataset_statistics.json", tmp_path / "dataset_stat.json"
    writes = ["--write", str(openvla), "--write", str(rdt)]
    assert main(["data", "stats", str(folder), "--hz", "5", *writes]) == 0
    entry = json.loads(openvla.read_text())["libero_goal"]
    assert entry["num_trajectories"] == 4
    assert entry["action"]["mean"][6] == 1  # -1 in the file: open
    assert json.loads(rdt.read_text())["libero_goal"]["action_mean"][10] == 1
    assert main(["data", "stats", str(folder), "--name", "mine", *writes]) == 0
    assert list(json.loads(openvla.read_text())) == ["libero_goal", "mine"]
    held = json.loads(openvla.read_text())["libero_goal"]["action"]["std"][0]
    assert held < 0.7 * json.loads(openvla.read_text())["mine"]["action"]["std"][0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--hz", "7"], "7 Hz"),
        (["--suite", "libero_gaol"], "libero_gaol"),
        (["--convention", "rdt-absolute"], "alignment"),
    ],
)
def test_what_a_person_can_mend_is_said_and_exits_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["data", "stats", str(folder), *arguments]) == 1
    message = capsys.readouterr().err
    assert words in message
    assert "hint:" in message
    assert "Traceback" not in message


def test_a_path_without_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "stats", str(tmp_path)]) == 1
    assert "forkctl data download" in capsys.readouterr().err
    assert main(["data", "stats", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
