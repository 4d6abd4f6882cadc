"""One file of links: what robomimic reads from it is what the sources hold, rightly paired."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.libero.files.indexing import index_file
from forkctl.libero.files.reader import DemoFile, open_demo_file
from forkctl.libero.schema import PUBLISHED_LAYOUTS
from forkctl.libero.suites import SUITES, language_from_task
from forkctl.libero.synth import SynthOptions, write_task
from forkctl.libero.tools.merge import MergeOptions, merge
from forkctl.libero.validation import Severity
from forkctl.libero.validation.file_checks import check_file
from tests.libero.synthetic import TASK

pytestmark = pytest.mark.slow

TASKS = SUITES["libero_goal"].tasks[:2]


@pytest.fixture(scope="module", params=PUBLISHED_LAYOUTS, ids=lambda layout: layout.value)
def sources(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    options = SynthOptions(layout=request.param, demos=4, image_size=128)
    return [write_task(folder, task, options) for task in TASKS]


def test_every_demo_is_there_paired_and_counted(sources: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "merged.hdf5"
    report = merge(sources, out, MergeOptions())
    wanted = []
    for source in sources:
        with DemoFile(source) as file:
            for demo in file:
                pairing = demo.pairing()
                wanted.append(
                    (
                        demo.obs("ee_pos")[pairing.obs],
                        demo.frames("agentview_rgb")[pairing.obs],
                        demo.actions()[pairing.actions],
                        language_from_task(file.task),
                    )
                )
    with h5py.File(out) as file:
        data = file["data"]
        assert len(data) == report.demos == len(wanted) == 8
        for number, (position, frames, actions, language) in enumerate(wanted):
            demo = data[f"demo_{number}"]
            np.testing.assert_array_equal(demo["obs/ee_pos"], position)
            np.testing.assert_array_equal(demo["obs/agentview_rgb"], frames)
            np.testing.assert_array_equal(demo["actions"], actions)
            np.testing.assert_array_equal(demo["robot_states"][:, 2:5], position)
            assert demo.attrs["num_samples"] == len(actions)
            assert demo.attrs["language"] == language
        assert data.attrs["total"] == sum(len(each[2]) for each in wanted) == report.steps
        assert json.loads(data.attrs["env_args"])["env_kwargs"]["control_freq"] == 20
        assert set(json.loads(data.attrs["languages"])) == set(TASKS)
    assert out.stat().st_size < 200_000


def test_the_merged_file_is_good_libero_data(sources: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "merged.hdf5"
    merge(sources, out, MergeOptions())
    findings = check_file(str(out)).findings
    assert [each for each in findings if each.severity is not Severity.NOTE] == []
    with DemoFile(out) as file:
        assert file.alignment() == "aligned"


def test_masks_divide_every_task(sources: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "merged.hdf5"
    merge(sources, out, MergeOptions(valid_share=0.25))
    with h5py.File(out) as file:
        train = [name.decode() for name in file["mask/train"]]
        valid = [name.decode() for name in file["mask/valid"]]
        assert sorted(train + valid) == sorted(file["data"])
        tasks = [file["data"][name].attrs["task"] for name in valid]
        assert sorted(tasks) == sorted(TASKS)  # one of four demos of each


def test_links_hold_when_both_move_and_from_any_folder(
    sources: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "before"
    folder = Path(shutil.copytree(sources[0].parent, before / "data"))
    copies = [folder / each.name for each in sources]
    merge(copies, before / "merged.hdf5", MergeOptions())
    after = before.rename(tmp_path / "after")
    monkeypatch.chdir(os.sep)
    with h5py.File(after / "merged.hdf5") as file:
        assert file["data/demo_0/obs/agentview_rgb"][3].std() > 1
        assert np.abs(file["data/demo_7/actions"][...]).max() > 0.1


@pytest.fixture
def moved(sources: list[Path], tmp_path: Path) -> tuple[Path, Path]:
    """A merged file, and the folder of its sources, which may be changed."""
    folder = Path(shutil.copytree(sources[0].parent, tmp_path / "data"))
    out = tmp_path / "merged.hdf5"
    merge(sorted(folder.iterdir()), out, MergeOptions())
    return out, folder


def test_nothing_is_read_in_place_of_a_source_that_is_gone(moved: tuple[Path, Path]) -> None:
    """HDF5 itself gives zeros: a policy learns to stand still, and its loss is 0."""
    out, folder = moved
    merge([out], out.with_name("again.hdf5"), MergeOptions())
    folder.rename(folder.with_name("elsewhere"))
    for path in (out, out.with_name("again.hdf5")):
        with DemoFile(path) as file:
            for name in ("actions", "obs/ee_pos", "obs/agentview_rgb"):
                with pytest.raises(ForkctlError, match=r"gone|cannot be read"):
                    file["demo_0"].array(name)
            with pytest.raises(ForkctlError, match=r"gone|cannot be read"):
                _ = file["demo_0"].length
    with pytest.raises(ForkctlError, match=r"gone|cannot tell"):  # of a link, not even its keys
        merge([out], out.with_name("late.hdf5"), MergeOptions())


def test_an_index_does_not_hide_a_source_that_is_gone(
    moved: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, folder = moved
    monkeypatch.setenv("FORKCTL_CACHE", str(out.parent / "cache"))
    assert index_file(out).index is not None
    folder.rename(folder.with_name("elsewhere"))
    with open_demo_file(out) as file, pytest.raises(ForkctlError, match=r"gone|cannot be read"):
        file["demo_0"].actions()


def test_a_source_of_another_length_is_refused(moved: tuple[Path, Path]) -> None:
    out, folder = moved
    first = min(folder.iterdir())
    with h5py.File(first, "r+") as file:
        actions = file["data/demo_0/actions"][:-3]
        del file["data/demo_0/actions"]
        file["data/demo_0/actions"] = actions
        virtual = h5py.File(out)["data/demo_0/actions"].is_virtual
    with DemoFile(out) as file:
        if virtual:
            with pytest.raises(ForkctlError, match="more than there is"):
                file["demo_0"].actions()
        else:
            assert len(file["demo_0"].actions()) == len(actions)  # a link has no shape of its own


def test_what_is_lost_while_it_is_read_is_not_a_number(moved: tuple[Path, Path]) -> None:
    out, folder = moved
    folder.rename(folder.with_name("elsewhere"))
    with h5py.File(out) as file:
        actions = file["data/demo_0"].get("actions", default=None)
        assert actions is None or np.isnan(actions[...]).all()


def test_timing_can_be_kept(sources: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "merged.hdf5"
    report = merge(sources, out, MergeOptions(keep_timing=True))
    assert report.realigned == 0
    with DemoFile(out) as merged, DemoFile(sources[0]) as source:
        assert merged.alignment() == source.alignment()
        assert merged["demo_0"].length == source[source.demo_names[0]].length


def test_an_existing_file_is_not_touched(sources: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "merged.hdf5"
    out.write_bytes(b"precious")
    with pytest.raises(ForkctlError, match="already there"):
        merge(sources, out, MergeOptions())
    assert out.read_bytes() == b"precious"


def test_a_failure_leaves_no_half_file(sources: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / f"{TASK}_demo.hdf5"
    broken.write_bytes(b"not hdf5")
    with pytest.raises(ForkctlError, match="HDF5"):
        merge([*sources, broken], tmp_path / "out" / "merged.hdf5", MergeOptions())
    assert list((tmp_path / "out").iterdir()) == []
