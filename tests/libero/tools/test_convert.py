"""Converted files: what was asked for, aligned, good data; the sources as they were."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import FileLayout
from forkctl.libero.tools.convert import ConvertOptions, ConvertReport, check_options, convert_file
from forkctl.libero.units.noops import noop_mask
from forkctl.libero.units.resampling import resample
from forkctl.libero.validation import Severity
from forkctl.libero.validation.file_checks import check_file
from tests.libero.synthetic import good_file

pytestmark = pytest.mark.slow


def converted(source: Path, folder: Path, options: ConvertOptions) -> tuple[Path, ConvertReport]:
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    target = folder / source.name
    report = convert_file((source, target), options)
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before
    return target, report


def serious(path: Path) -> list[str]:
    findings = check_file(str(path)).findings
    return [each.code for each in findings if each.severity is not Severity.NOTE]


def test_raw_becomes_aligned(pristine_raw: Path, tmp_path: Path) -> None:
    target, _ = converted(pristine_raw, tmp_path, ConvertOptions())
    with DemoFile(pristine_raw) as old, DemoFile(target) as new:
        assert new.alignment() == "aligned"
        for demo in old:
            same = new[demo.name]
            np.testing.assert_array_equal(same.obs("ee_pos"), demo.obs("ee_pos")[:-1])
            np.testing.assert_array_equal(same.actions(), demo.actions()[1:])
            # recorded with the observations, though it lies beside the actions
            np.testing.assert_array_equal(same.array("robot_states")[:, 2:5], same.obs("ee_pos"))
            np.testing.assert_array_equal(
                same.frames("eye_in_hand_rgb"), demo.frames("eye_in_hand_rgb")[:-1]
            )
            assert same.attrs["num_samples"] == demo.length - 1
    assert serious(target) == []


def test_noops_are_left_out_with_what_was_seen_then(pristine_raw: Path, tmp_path: Path) -> None:
    target, report = converted(pristine_raw, tmp_path, ConvertOptions(drop_noops=True))
    assert report.noops > 0 and report.steps_after == report.steps_before - report.noops
    with DemoFile(pristine_raw) as old, DemoFile(target) as new:
        for demo in old:
            keep = ~noop_mask(demo.actions()[1:])
            same = new[demo.name]
            np.testing.assert_array_equal(same.actions(), demo.actions()[1:][keep])
            np.testing.assert_array_equal(
                same.obs("joint_states"), demo.obs("joint_states")[:-1][keep]
            )
            assert same.array("dones")[-1] == 1 and same.array("dones").sum() == 1
        assert new.attrs["total"] == report.steps_after
    assert serious(target) == []


def test_resampled_actions_are_those_of_the_library(pristine: Path, tmp_path: Path) -> None:
    target, report = converted(pristine, tmp_path, ConvertOptions(hz=5))
    with DemoFile(pristine) as old, DemoFile(target) as new:
        for demo in old:
            actions = demo.actions()[demo.pairing().actions]
            np.testing.assert_array_equal(new[demo.name].actions(), resample(actions, 4).actions)
    assert report.replay_error_mm is not None and report.replay_error_mm < 30
    assert report.magnitude_ratio == pytest.approx(1.0, abs=0.15)


def test_a_stride_keeps_every_kth_observation(pristine_raw: Path, tmp_path: Path) -> None:
    target, _ = converted(pristine_raw, tmp_path, ConvertOptions(hz=5, stride=4))
    with DemoFile(pristine_raw) as old, DemoFile(target) as new:
        name = old.demo_names[0]
        seen = old[name].obs("ee_pos")[:-1]
        np.testing.assert_array_equal(new[name].obs("ee_pos"), seen[::4])


@pytest.mark.parametrize("size", [64, 256])
def test_frames_are_resized_and_env_args_say_so(
    size: int, pristine_raw: Path, tmp_path: Path
) -> None:
    options = ConvertOptions(image_size=size, compress=size == 64)
    target, _ = converted(pristine_raw, tmp_path, options)
    with DemoFile(pristine_raw) as old, DemoFile(target) as new:
        name = old.demo_names[0]
        frames = new[name].frames("agentview_rgb")
        assert frames.shape[1:] == (size, size, 3) and frames.dtype == np.uint8
        before = old[name].frames("agentview_rgb")[:-1]
        assert abs(frames.mean() - before.mean()) < 2
        arguments = json.loads(new.attrs["env_args"])["env_kwargs"]
        assert arguments["camera_heights"] == arguments["camera_widths"] == size


def test_files_without_attributes_stay_without(tmp_path: Path) -> None:
    source = good_file(tmp_path / "source", FileLayout.REGENERATED, demos=2)
    target, _ = converted(source, tmp_path / "out", ConvertOptions(drop_noops=True))
    with DemoFile(target) as file:
        assert not file.attrs and not file[file.demo_names[0]].attrs


def test_what_cannot_be_done_is_refused_first() -> None:
    with pytest.raises(ForkctlError, match="Hz"):
        check_options(ConvertOptions(hz=7))
    with pytest.raises(ForkctlError, match="leaves steps out"):
        check_options(ConvertOptions(hz=10, stride=3))
    with pytest.raises(ForkctlError, match="--hz"):
        check_options(ConvertOptions(stride=2))


def test_a_damaged_source_leaves_no_file(pristine_raw: Path, tmp_path: Path) -> None:
    damaged = tmp_path / pristine_raw.name
    content = pristine_raw.read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    with pytest.raises(ForkctlError):
        convert_file((damaged, tmp_path / "out" / damaged.name), ConvertOptions())
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
