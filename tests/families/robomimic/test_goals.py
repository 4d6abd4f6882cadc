from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forkctl.cli import main
from forkctl.errors import ForkctlError
from forkctl.families.robomimic.goals import Goals
from forkctl.libero.files.reader import open_demo_file
from tests import ROOT

CAMERA = "agentview_rgb"


def test_a_goal_is_the_last_frame_that_an_action_follows(suite: Path) -> None:
    path = sorted(suite.glob("*.hdf5"))[0]
    demo = open_demo_file(path)["demo_1"]
    used = [seen for seen, _ in demo.pairing()]
    assert len(used) < demo.length, "raw: the frame after the last action is not one"
    goal = Goals(f"{path}:demo_1", CAMERA).of("anything at all")
    assert np.array_equal(goal, demo.frame(CAMERA, used[-1]))
    assert not np.array_equal(goal, Goals(str(path), CAMERA).of(""))


def test_each_task_has_the_goal_of_its_own_file(suite: Path) -> None:
    goals = Goals(str(suite), CAMERA)
    for path in suite.glob("*.hdf5"):
        file = open_demo_file(path)
        assert np.array_equal(goals.of(file.language), Goals(str(path), CAMERA).of(""))
    with pytest.raises(ForkctlError, match="no demonstration shows the goal of 'dance'"):
        goals.of("dance")


@pytest.mark.parametrize(
    ("demo", "camera", "told"),
    [("demo_7", CAMERA, "no demo_7"), ("demo_0", "front", "no front")],
)
def test_what_is_not_there_is_named(suite: Path, demo: str, camera: str, told: str) -> None:
    path = sorted(suite.glob("*.hdf5"))[0]
    with pytest.raises(ForkctlError, match=told) as refused:
        Goals(f"{path}:{demo}", camera)
    assert path.name in str(refused.value.where)


def test_a_fork_whose_policies_take_no_goal_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "a.pth").touch()
    words = ("--ckpt", str(tmp_path / "a.pth"), "--goal", "somewhere", "--out", str(tmp_path / "o"))
    where = ("--world", "tabletop", "--suite", "libero_goal")
    assert main(["eval", "rollout", "openvla", *words, *where]) == 2
    assert "no policy of openvla takes a goal image" in capsys.readouterr().err
