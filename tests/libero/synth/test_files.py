"""Files of the generator: LIBERO's layout, the same bytes each time, complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import DEMO_ATTRS, FILE_ATTRS, FileLayout
from forkctl.libero.suites import SUITES
from forkctl.libero.synth import SynthOptions, write_suite, write_task
from forkctl.libero.synth import files as synth_files
from forkctl.libero.synth.defects import DEFECTS, put_in

TASK = SUITES["libero_object"].tasks[0]
SMALL = SynthOptions(demos=3, images=False)


def test_raw_files_have_every_attribute(tmp_path: Path) -> None:
    with h5py.File(write_task(tmp_path, TASK, SMALL)) as file:
        data = file["data"]
        assert set(data.attrs) == set(FILE_ATTRS)
        assert json.loads(data.attrs["env_args"])["problem_name"] == "libero_floor_manipulation"
        assert data.attrs["total"] == sum(len(data[name]["actions"]) for name in data)
        assert all(set(data[name].attrs) == set(DEMO_ATTRS) for name in data)
        assert all(data[name].attrs["num_samples"] == len(data[name]["actions"]) for name in data)


def test_regenerated_files_have_gaps_and_no_attributes(tmp_path: Path) -> None:
    options = SynthOptions(layout=FileLayout.REGENERATED, demos=20, images=False)
    with DemoFile(write_task(tmp_path, TASK, options)) as file:
        numbers = [int(name[5:]) for name in file.demo_names]
        assert len(numbers) == 20 and numbers[-1] > 19
        assert not file.attrs and not file[file.demo_names[0]].attrs
        assert file.alignment() == "aligned"


def test_the_same_words_give_the_same_bytes(tmp_path: Path) -> None:
    options = SynthOptions(demos=2, image_size=64)
    one = write_task(tmp_path / "one", TASK, options).read_bytes()
    assert write_task(tmp_path / "other", TASK, options).read_bytes() == one
    seeded = SynthOptions(demos=2, image_size=64, seed=1)
    assert write_task(tmp_path / "seeded", TASK, seeded).read_bytes() != one


def test_demos_do_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    few = write_task(tmp_path / "few", TASK, SMALL)
    many = write_task(tmp_path / "many", TASK, SynthOptions(demos=8, images=False))
    with DemoFile(few) as one, DemoFile(many) as other:
        for name in one.demo_names:
            np.testing.assert_array_equal(one[name].actions(), other[name].actions())


def test_long_tasks_carry_two_objects(tmp_path: Path) -> None:
    task = SUITES["libero_10"].tasks[0]
    with DemoFile(write_task(tmp_path, task, SMALL)) as file:
        for demo in file:
            toggles = np.flatnonzero(np.diff(demo.actions()[:, 6]))
            assert len(toggles) == 4  # close, open, close, open
            assert demo.length <= SUITES["libero_10"].max_steps


def test_a_second_call_writes_only_what_is_missing(tmp_path: Path) -> None:
    first = list(write_suite(tmp_path, "libero_goal", SMALL, tasks=2))
    before = first[0].stat().st_mtime_ns
    first[1].unlink()
    again = list(write_suite(tmp_path, "libero_goal", SMALL, tasks=2))
    assert sorted(again) == sorted(first) and all(path.exists() for path in first)
    assert first[0].stat().st_mtime_ns == before


def test_another_file_in_the_place_is_left_alone(tmp_path: Path) -> None:
    [path] = write_suite(tmp_path, "libero_goal", SMALL, tasks=1)
    put_in(path, DEFECTS["gripper-inverted"])
    spoilt = path.read_bytes()
    with pytest.raises(ForkctlError, match="another file"):
        list(write_suite(tmp_path, "libero_goal", SMALL, tasks=1))
    with pytest.raises(ForkctlError, match="already there"):
        write_task(tmp_path, SUITES["libero_goal"].tasks[0], SMALL)
    assert path.read_bytes() == spoilt


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = synth_files.make_demo

    def stop_at_the_third(*args: object) -> object:
        if args[2] == 2:
            raise KeyboardInterrupt
        return whole(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(synth_files, "make_demo", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        write_task(tmp_path, TASK, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_processes_write_the_same_as_one(tmp_path: Path) -> None:
    one = list(write_suite(tmp_path / "one", "libero_goal", SMALL, tasks=3))
    two = list(write_suite(tmp_path / "two", "libero_goal", SMALL, tasks=3, jobs=2))
    assert {path.name: path.read_bytes() for path in one} == {
        path.name: path.read_bytes() for path in two
    }
