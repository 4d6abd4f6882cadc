from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.families.openvla import statistics_file as openvla
from forkctl.families.rdt import statistics_file as rdt
from forkctl.families.rdt.units import STATE
from forkctl.families.registry import conventions, statistics_files
from forkctl.libero.errors import DataFileError
from forkctl.libero.suites import SUITES
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.measure import Wanted, measure
from forkctl.libero.units.published import FIELDS, PublishedStatistics, published
from forkctl.libero.units.statistics_files import (
    conventions_needed,
    default_name,
    update_json,
    write_statistics,
)
from tests.libero.handmade import write_demos, write_file

ROWS = 10_001  # q01 and q99 fall on the values at rank 100 and 9900


def column_with(fields: dict[str, float]) -> np.ndarray:
    """Values whose mean, std, quantiles, minimum and maximum are the given ones."""
    low, high = fields.get("q01", -1.0), fields.get("q99", 1.0)
    tails = np.concatenate(
        [
            np.full(100, fields.get("min", low)),
            [low, high],
            np.full(100, fields.get("max", high)),
        ]
    )
    rest = ROWS - len(tails)
    mean = (fields["mean"] * ROWS - tails.sum()) / rest
    square = ((fields["std"] ** 2 + fields["mean"] ** 2) * ROWS - np.square(tails).sum()) / rest
    spread = np.sqrt(square - mean**2)
    for above in range(1, rest):  # two values, as far apart as the spread asks for
        odds = np.sqrt((rest - above) / above)
        upper, lower = mean + spread * odds, mean - spread / odds
        if low <= lower and upper <= high:
            middle = np.repeat([lower, upper], [rest - above, above])
            return np.concatenate([tails, middle])
    raise AssertionError(f"no data can have {fields}")


def actions_with(entry: PublishedStatistics) -> np.ndarray:
    """LIBERO actions that have the published statistics in OpenVLA's convention."""
    rng = np.random.default_rng(0)
    columns = []
    for number in range(6):
        fields = {name: float(values[number]) for name, values in entry.fields.items()}
        known = {name: value for name, value in fields.items() if np.isfinite(value)}
        columns.append(rng.permutation(column_with(known) if known else np.zeros(ROWS)))
    opened = np.arange(ROWS) < round(entry.fields["mean"][6] * ROWS)
    columns.append(np.where(opened, -1.0, 1.0))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("suite", SUITES)
def test_published_statistics_reproduce_from_data_that_has_them(tmp_path: Path, suite: str) -> None:
    entry = published()[suite]
    parts = np.array_split(actions_with(entry), 40)
    demos = [(f"demo_{i}", {"actions": part}) for i, part in enumerate(parts)]
    path = write_demos(tmp_path / "a_demo.hdf5", demos)
    written = openvla.entry(
        "any", measure([path], Wanted(conventions=named("openvla"), states=False))
    )
    assert set(written["action"]) == {*FIELDS, "mask"}
    for name, values in entry.fields.items():
        known = np.isfinite(values)
        found = np.array(written["action"][name])
        np.testing.assert_allclose(found[:6][known[:6]], values[:6][known[:6]], atol=1e-9)
        # No 0/1 data has the published mean and std of the gripper: upstream sums in float32.
        assert found[6] == pytest.approx(values[6], abs=3e-4)
    assert (written["num_transitions"], written["num_trajectories"]) == (ROWS, 40)


def test_every_suite_has_numbers_with_a_source() -> None:
    assert list(published()) == list(SUITES)
    for name, entry in published().items():
        assert entry.source
        assert entry.complete is (name != "libero_90")
        assert entry.demos == SUITES[name].regenerated_demos
        assert entry.steps == SUITES[name].regenerated_steps
        assert all(values.shape == (7,) for values in entry.fields.values())
        if entry.complete:
            assert (entry.fields["q01"] <= entry.fields["mean"]).all()
            assert (entry.fields["mean"] <= entry.fields["q99"]).all()


def test_openvlas_entry_before_and_after_there_is_data_has_one_form(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    measured = openvla.entry("any", measure([path], Wanted(conventions=named("openvla"))))
    before = openvla.entry_from_published(published()["libero_goal"])
    assert before.keys() == measured.keys()
    assert before["action"].keys() == measured["action"].keys()
    assert before["action"]["mask"] == [True] * 6 + [False]
    assert before["action"]["q99"][5] == 0.375
    assert len(measured["proprio"]["mean"]) == 8
    json.dumps([before, measured], allow_nan=False)
    with pytest.raises(ForkctlError, match="libero_90"):
        openvla.entry_from_published(published()["libero_90"])


def test_rdts_entry_puts_numbers_into_their_slots(tmp_path: Path) -> None:
    wanted = Wanted(conventions=named("rdt-delta", "rdt-velocity"))
    measured = measure([write_file(tmp_path / "a_demo.hdf5")], wanted)
    entry = rdt.entry("libero_goal", measured, *named("rdt-delta"))
    assert entry["dataset_name"] == "libero_goal"
    pose = [10, *range(30, 39)]
    for key in ("state_mean", "state_std", "state_min", "state_max", "action_mean", "action_std"):
        assert len(entry[key]) == 128
        assert np.flatnonzero(entry[key]).tolist() == pose
    action = measured.actions["rdt-delta"]
    assert entry["action_std"][30:39] == action.std[:9].tolist()
    assert entry["action_mean"][10] == action.mean[9]
    velocity = rdt.entry("x", measured, *named("rdt-velocity"))
    assert np.flatnonzero(velocity["action_std"]).tolist() == [10, *range(39, 45)]
    assert measured.states["rdt"].dims == STATE.dims


def test_what_is_measured_follows_from_what_is_written() -> None:
    def needed(asked: list[str], files: list[Path]) -> tuple[str, ...]:
        found = conventions_needed(named(*asked), files, statistics_files())
        return tuple(each.name for each in found)

    assert needed(["libero"], []) == ("libero",)
    assert needed(["libero"], [Path("x/dataset_statistics.json")]) == ("libero", "openvla")
    assert needed(["openvla"], [Path("dataset_stat.json")]) == ("openvla", "rdt-delta")
    assert needed(["rdt-absolute"], [Path("dataset_stat.json")]) == ("rdt-absolute",)
    assert needed(["libero"], [Path("mine.json")]) == ("libero",)


def test_two_representations_do_not_fit_into_rdts_file(tmp_path: Path) -> None:
    measured = measure(
        [write_file(tmp_path / "a_demo.hdf5")],
        Wanted(conventions=named("rdt-delta", "rdt-velocity")),
    )
    target = tmp_path / "dataset_stat.json"
    with pytest.raises(ForkctlError, match="one representation"):
        write_statistics(target, "x", measured, statistics_files())
    assert not target.exists()


def test_the_key_is_the_name_that_upstreams_use() -> None:
    goal = SUITES["libero_goal"]
    raw = [Path("data/libero_goal/a_demo.hdf5")]
    assert default_name(raw, goal, no_noops=False) == "libero_goal"
    assert default_name(raw, goal, no_noops=True) == "libero_goal_no_noops"
    regenerated = [Path("data/libero_goal_no_noops/a_demo.hdf5")]
    assert default_name(regenerated, goal, no_noops=False) == "libero_goal_no_noops"
    assert default_name([Path("my_cubes/a_demo.hdf5")], None, no_noops=False) == "my_cubes"


def test_other_entries_of_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "dataset_stat.json"
    update_json(path, "a", {"x": 1})
    path.chmod(0o600)
    update_json(path, "b", {"x": 2})
    update_json(path, "a", {"x": 3})
    assert json.loads(path.read_text()) == {"a": {"x": 3}, "b": {"x": 2}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["dataset_stat.json"]


@pytest.mark.parametrize("content", ["{", "[1, 2]", "not json"])
def test_a_file_that_is_something_else_stays_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.json"
    path.write_text(content)
    with pytest.raises(DataFileError) as caught:
        update_json(path, "a", {})
    assert str(path) in str(caught.value)
    assert path.read_text() == content


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "stats.json"
    update_json(path, "a", {"x": 1})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        update_json(path, "b", {"x": object()})
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["stats.json"]


def named(*names: str) -> tuple[Convention, ...]:
    return tuple(conventions()[name] for name in names)
