from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forkctl.families.rdt.units import state as rdt_state
from forkctl.families.registry import conventions
from forkctl.libero.errors import DataFileError
from forkctl.libero.units.conventions import Convention, Pose
from forkctl.libero.units.measure import DatasetStatistics, Wanted, measure
from forkctl.libero.units.noops import noop_mask
from forkctl.libero.units.resampling import resample
from tests.libero.handmade import make_demo, write_demos, write_file

CONVENTIONS = conventions()

ALL = tuple(CONVENTIONS)


def still_at_times(demo: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    demo["actions"][5:9, :6] = 0
    return demo


def flat(statistics: DatasetStatistics) -> dict[str, np.ndarray]:
    fields = ("mean", "std", "min", "max", "q01", "q99", "near_zero")
    groups = {**statistics.actions, **{f"state {k}": v for k, v in statistics.states.items()}}
    return {
        f"{group} {field}": getattr(item, field)
        for group, item in groups.items()
        for field in fields
    }


def test_all_rows_of_all_files(tmp_path: Path) -> None:
    paths = [write_file(tmp_path / f"{i}_demo.hdf5", numbers=(i, i + 50)) for i in range(3)]
    demos = [make_demo(i, 20 + i, raw=True) for n in range(3) for i in (n, n + 50)]
    measured = measure(paths, Wanted(conventions=named("libero", "rdt-velocity")))
    rows = np.concatenate([demo["actions"] for demo in demos])
    assert (measured.files, measured.demos, measured.steps) == (3, 6, len(rows))
    assert (measured.shortest, measured.longest) == (20, 72)
    for name in ("libero", "rdt-velocity"):
        encoded = CONVENTIONS[name].encode(rows, None)
        np.testing.assert_allclose(measured.actions[name].mean, encoded.mean(axis=0), atol=1e-13)
        np.testing.assert_allclose(measured.actions[name].std, encoded.std(axis=0), rtol=1e-12)
        q01 = np.quantile(encoded, 0.01, axis=0)
        np.testing.assert_allclose(measured.actions[name].q01, q01, rtol=1e-12, atol=1e-15)
    keys = ("joint_states", "ee_pos", "ee_ori", "gripper_states")
    states = rdt_state(*(np.concatenate([demo[f"obs/{key}"] for demo in demos]) for key in keys))
    np.testing.assert_allclose(measured.states["rdt"].mean, states.mean(axis=0), atol=1e-13)


def test_the_number_of_processes_changes_no_bit(tmp_path: Path) -> None:
    """More files than groups, so that groups hold several."""
    paths = [write_file(tmp_path / f"{i:02}_demo.hdf5", numbers=(i,)) for i in range(37)]
    one = flat(measure(paths, Wanted(conventions=tuple(CONVENTIONS.values()))))
    two = flat(measure(paths, Wanted(conventions=tuple(CONVENTIONS.values())), jobs=2))
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(two[name], values, err_msg=name)


@pytest.mark.parametrize(("raw", "offset"), [(True, 1), (False, 0)])
def test_a_target_is_measured_from_the_observation_before_the_action(
    tmp_path: Path, raw: bool, offset: int
) -> None:
    path = write_file(tmp_path / "a_demo.hdf5", numbers=(0,), raw=raw)
    demo = make_demo(0, 20, raw=raw)
    count = 20 - offset
    pose = Pose(demo["obs/ee_pos"][:count], demo["obs/ee_ori"][:count])
    expected = CONVENTIONS["rdt-absolute"].encode(demo["actions"][offset:], pose)
    measured = measure([path], Wanted(conventions=named("rdt-absolute", "libero")))
    assert measured.actions["rdt-absolute"].count == count
    assert measured.actions["libero"].count == 20
    np.testing.assert_allclose(
        measured.actions["rdt-absolute"].mean, expected.mean(axis=0), atol=1e-13
    )


def test_no_ops_are_left_out_with_their_observations(tmp_path: Path) -> None:
    demo = still_at_times(make_demo(0, 20, raw=True))
    path = write_demos(tmp_path / "a_demo.hdf5", [("demo_0", demo)])
    kept = np.flatnonzero(~noop_mask(demo["actions"]))
    assert 0 < len(kept) < 20
    measured = measure([path], Wanted(drop_noops=True))
    assert measured.steps == len(kept)
    assert measured.noop_share == (20 - len(kept)) / 20
    expected = demo["actions"][kept].mean(axis=0)
    np.testing.assert_allclose(measured.actions["libero"].mean, expected, atol=1e-13)
    seen = kept[kept > 0] - 1  # raw: the observation before action t is obs[t - 1]
    positions = demo["obs/ee_pos"][seen].mean(axis=0)
    np.testing.assert_allclose(measured.states["libero"].mean[:3], positions, atol=1e-13)


def test_no_ops_are_counted_also_when_they_are_kept(tmp_path: Path) -> None:
    demo = still_at_times(make_demo(0, 20, raw=True))
    path = write_demos(tmp_path / "a_demo.hdf5", [("demo_0", demo)])
    measured = measure([path], Wanted())
    assert measured.noop_share == noop_mask(demo["actions"]).mean() > 0
    assert measured.steps == 20


def test_held_actions_are_windows_within_each_demo(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5", numbers=(0, 1))
    windows = [resample(make_demo(i, 20 + i, raw=True)["actions"], 4).actions for i in (0, 1)]
    expected = np.concatenate(windows)
    measured = measure([path], Wanted(hold=4)).actions["libero"]
    np.testing.assert_allclose(measured.mean, expected.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(measured.std, expected.std(axis=0), rtol=1e-12)


def test_actions_alone_need_no_observations(tmp_path: Path) -> None:
    demos = [("demo_0", {"actions": make_demo(0, 20, raw=True)["actions"]})]
    path = write_demos(tmp_path / "a_demo.hdf5", demos)
    measured = measure([path], Wanted(conventions=named("openvla"), states=False))
    assert measured.actions["openvla"].count == 20
    assert measured.states == {}
    with pytest.raises(DataFileError, match="ee_pos"):
        measure([path], Wanted())
    with pytest.raises(DataFileError, match="joint_states"):
        measure([path], Wanted(conventions=named("rdt-delta")))


def test_states_come_in_the_forms_that_go_with_the_conventions() -> None:
    assert tuple(Wanted(conventions=named("openvla", "robomimic")).state_forms) == ("libero",)
    assert tuple(Wanted(conventions=named("rdt-delta", "rdt-velocity")).state_forms) == ("rdt",)
    assert tuple(Wanted(conventions=named("rdt-delta", "openvla")).state_forms) == ("rdt", "libero")
    assert tuple(Wanted(states=False).state_forms) == ()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_file_is_named_also_from_another_process(tmp_path: Path, jobs: int) -> None:
    good = write_file(tmp_path / "a_demo.hdf5")
    bad = tmp_path / "b_demo.hdf5"
    bad.write_bytes(good.read_bytes()[:6000])
    with pytest.raises(DataFileError) as caught:
        measure([good, bad], Wanted(), jobs=jobs)
    assert caught.value.where == str(bad)
    assert caught.value.hint


def test_actions_of_another_robot_and_files_without_a_step(tmp_path: Path) -> None:
    wide = write_demos(tmp_path / "wide_demo.hdf5", [("demo_0", {"actions": np.zeros((9, 10))})])
    with pytest.raises(DataFileError, match=r"\(9, 10\)"):
        measure([wide], Wanted(states=False))
    empty = write_demos(tmp_path / "empty_demo.hdf5", [("demo_0", {"actions": np.zeros((0, 7))})])
    with pytest.raises(DataFileError, match="nothing to measure"):
        measure([empty], Wanted(states=False))


def named(*names: str) -> tuple[Convention, ...]:
    return tuple(conventions()[name] for name in names)
