"""The commands as a person types them: what they print, write, and exit with."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import h5py
import pytest

from forkctl.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small raw files of libero_goal; the first with the gripper turned round."""
    out = tmp_path_factory.mktemp("made") / "libero_goal"
    words = ["--tasks", "2", "--demos", "4", "--out", str(out), "--jobs", "1"]
    assert main(["data", "synth", "libero_goal", *words, "--defect", "gripper-inverted"]) == 0
    return out


def spoilt(folder: Path) -> Path:
    return min(folder.iterdir())


def test_synth_refuses_unknown_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["data", "synth", "libero_gaol", *out]) == 1
    assert main(["data", "synth", "libero_goal", "--defect", "nonsense", *out]) == 1
    errors = capsys.readouterr().err
    assert "libero_goal" in errors and "gripper-inverted" in errors
    assert not (tmp_path / "out").exists()


def test_synth_lists_its_defects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "synth", "libero_goal", "--defect", "help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "gripper-01" in lines[1] and "gripper-convention" in lines[1]


def test_validate_names_the_file_the_harm_and_the_mend(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "validate", str(made)]) == 1
    said = capsys.readouterr().out
    assert spoilt(made).name in said and "gripper-inverted" in said
    assert "forkctl data fix --gripper-from inverted" in said
    assert "1 error, 0 warnings" in said
    good = max(made.iterdir())
    assert main(["data", "validate", str(good)]) == 0


def test_validate_speaks_json(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "validate", str(made), "--suite", "libero_goal", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    first, second = sorted(report["files"], key=lambda each: each["path"])
    assert [each["code"] for each in first["findings"]] == ["gripper-inverted"]
    assert second["findings"] == [] and second["facts"]["demos"] == 4
    together = {each["code"] for each in report["together"]}
    assert together == {"task-missing", "count-wrong"}


def test_warnings_fail_only_when_asked(made: Path, tmp_path: Path) -> None:
    words = ["--tasks", "1", "--demos", "3", "--defect", "image-bgr"]
    out = str(tmp_path / "bgr")
    assert main(["data", "synth", "libero_object", *words, "--out", out]) == 0
    assert main(["data", "validate", out]) == 0
    assert main(["data", "validate", out, "--strict"]) == 1


def test_fix_says_what_it_does_and_can_be_run_again(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fixed"
    assert main(["data", "fix", str(made), "--dry-run"]) == 0
    assert "--gripper-from inverted" in capsys.readouterr().out and not out.exists()
    assert main(["data", "fix", str(made)]) == 2  # where to?
    assert main(["data", "fix", str(made), "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == [spoilt(made).name]
    assert main(["data", "validate", str(out), "--strict"]) == 0
    written = spoilt(out).stat().st_mtime_ns
    assert main(["data", "fix", str(made), "--out", str(out)]) == 0
    assert spoilt(out).stat().st_mtime_ns == written
    assert main(["data", "fix", str(made), "--attrs", "--out", str(made)]) == 1  # never on itself


def test_convert_reports_and_goes_on(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "convert", str(made), "--out", str(tmp_path), "--no-noops", "--hz", "5"]
    assert main([*words, "--json", "--jobs", "1"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert len(reports) == 2 and all(each["noops"] > 0 for each in reports)
    spoilt(tmp_path).unlink()
    assert main([*words, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1
    assert main([*words, "--image-size", "64"]) == 1  # other files are in this place
    assert "another file" in capsys.readouterr().err


def test_merge_writes_one_file_that_can_be_read(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all.hdf5"
    assert main(["data", "merge", str(made), "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    with h5py.File(out) as file:
        assert len(file["data"]) == report["demos"] == 8
        assert len(file["mask/valid"]) == report["valid"] == 2
    assert main(["data", "merge", str(made), "--out", str(out)]) == 1


def test_inspect_shows_tree_motion_and_pictures(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot, sheet = tmp_path / "plot.png", tmp_path / "sheet.png"
    words = ["data", "inspect", str(made), "--plot", str(plot), "--sheet", str(sheet)]
    assert main([*words, "--demo", "demo_2"]) == 0
    said = capsys.readouterr().out
    assert "demo_2" in said and "agentview_rgb" in said and "gripper" in said
    assert "█" in said  # the closed gripper
    assert "▀" not in said  # frames only where there is a terminal, or when asked
    assert cv2.imread(str(plot)) is not None and cv2.imread(str(sheet)) is not None
    assert main(["data", "inspect", str(made), "--frames"]) == 0
    assert "▀" in capsys.readouterr().out


def test_inspect_speaks_json_and_refuses_what_is_not_there(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "inspect", str(made), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["alignment"] == "raw" and facts["demos"] == 4
    assert facts["demo"]["datasets"]["actions"]["shape"][1] == 7
    assert main(["data", "inspect", str(made), "--demo", "demo_77"]) == 1
    assert main(["data", "inspect", str(tmp_path)]) == 1
    errors = capsys.readouterr().err
    assert "demo_77" in errors and "Traceback" not in errors
