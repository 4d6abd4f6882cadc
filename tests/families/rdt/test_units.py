"""`forkctl data verify-rdt`: what it says of right numbers, and of each known mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forkctl.checks import CheckStatus
from forkctl.cli import main
from forkctl.errors import ForkctlError
from forkctl.families.rdt.measuring import layout_entry
from forkctl.families.rdt.physical_units import entry_in, representation_in, unit_checks
from forkctl.families.rdt.published import published_actions
from forkctl.families.rdt.units import DELTA_ACTION, slots_of, to_vector
from forkctl.families.rdt.vectors import RdtLayout
from forkctl.families.registry import conventions
from forkctl.libero.units.conventions import Convention

BASE = (-0.6, 0.0, 0.9)
SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")


@pytest.fixture(scope="module")
def suite(synthetic: Callable[..., Path]) -> Path:
    return synthetic(tasks=2, demos=4)


@pytest.fixture
def entry(suite: Path) -> Callable[..., dict[str, Any]]:
    def make(representation: str) -> dict[str, Any]:
        layout = RdtLayout(representation, robot_base=BASE)
        return layout_entry("libero_spatial", sorted(suite.glob("*.hdf5")), layout)

    return make


@pytest.mark.parametrize("representation", ["delta", "velocity", "absolute"])
def test_right_numbers_are_found_right_and_recognised(
    entry: Callable[..., dict[str, Any]], representation: str
) -> None:
    found = entry(representation)
    assert representation_in(found) == representation
    (check,) = unit_checks(found, representation)
    assert check.status is CheckStatus.OK


@pytest.mark.parametrize("suite_name", SUITES)
@pytest.mark.parametrize("representation", ["delta", "velocity"])
def test_published_statistics_are_found_right(suite_name: str, representation: str) -> None:
    found = unit_checks(published_actions(suite_name, representation), representation)
    assert [check.status for check in found] == [CheckStatus.OK]


def _scaled(values: dict[str, Any], slots: slice, factor: float) -> dict[str, Any]:
    changed = {name: np.array(field) for name, field in values.items() if name.startswith("action")}
    for field in changed.values():
        field[slots] *= factor
    return {name: field.tolist() for name, field in changed.items()}


@pytest.mark.parametrize(
    ("representation", "slots", "factor", "told"),
    [
        ("delta", slice(30, 33), 20, "LIBERO's normalised numbers, not m"),
        ("delta", slice(30, 33), 200, "a full command is 0.05 m"),
        ("delta", slice(30, 33), 0.05, "the std of slot 30 is"),
        ("velocity", slice(42, 45), 0.1, "not radians per second"),
        ("velocity", slice(39, 42), 20, "the largest is 18"),
        ("absolute", slice(30, 33), 20, "out of the arm's reach"),
        ("absolute", slice(33, 39), 0.5, "do not have length 1"),
        ("absolute", slice(30, 33), 0.05, "these are offsets, not poses"),
        ("delta", slice(10, 11), 2, "gripper: from"),
        ("delta", slice(31, 32), 0, "slots: 31 never change"),
    ],
)
def test_each_wrong_scale_is_named(
    entry: Callable[..., dict[str, Any]],
    representation: str,
    slots: slice,
    factor: float,
    told: str,
) -> None:
    found = unit_checks(_scaled(entry(representation), slots, factor), representation)
    assert any(told in f"{check.subject}: {check.text}" for check in found), found


def test_a_mean_of_12_millimetres_is_warned_of(entry: Callable[..., dict[str, Any]]) -> None:
    found = entry("delta")
    found["action_mean"][30] = 0.012
    (check,) = unit_checks(found, "delta")
    assert check.status is CheckStatus.WARNING
    assert "mean of slot 30 is +0.0120 m" in check.text


def test_an_orientation_where_an_offset_belongs_is_an_error(
    entry: Callable[..., dict[str, Any]],
) -> None:
    delta, absolute = entry("delta"), entry("absolute")
    for name in ("mean", "std", "min", "max"):
        delta[f"action_{name}"][33:39] = absolute[f"action_{name}"][33:39]
    assert any("it is an orientation" in check.text for check in unit_checks(delta, "delta"))


def test_positions_far_from_zero_ask_for_the_robots_base(suite: Path) -> None:
    layout = RdtLayout("absolute")
    found = layout_entry("a", sorted(suite.glob("*.hdf5")), layout)
    (check,) = unit_checks(found, "absolute")
    assert check.status is CheckStatus.WARNING and "base" in str(check.hint)


def test_an_entry_without_actions_says_where_to_get_them() -> None:
    content = {"agilex": {"state_mean": [0.0] * 128}}
    with pytest.raises(ForkctlError, match="0 of its 1 data sets") as refused:
        entry_in(content, None, "dataset_stat.json")
    assert "forkctl data stats" in str(refused.value.hint)
    with pytest.raises(ForkctlError, match="no action_min of 128 numbers"):
        unit_checks(content["agilex"], "delta")


def test_the_command_judges_folders_and_files(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "verify-rdt", str(suite), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["round_trip"] < 1e-6
    assert [row["slot"] for row in found["rows"]] == slots_of(DELTA_ACTION)
    assert [remark["severity"] for remark in found["remarks"]] == ["ok"]

    # the mistake: LIBERO's own numbers where metres are expected
    wrong = to_vector(np.array([0.9] * 3 + [0.1] * 6 + [1.0]), DELTA_ACTION).tolist()
    low = [-value for value in wrong]
    entry = {"action_mean": wrong, "action_std": wrong, "action_max": wrong, "action_min": low}
    path = tmp_path / "dataset_stat.json"
    path.write_text(json.dumps({"libero_spatial": entry, "agilex": {"state_mean": []}}))
    words = ["data", "verify-rdt", str(path), "--representation", "delta"]
    assert main(words) == 1
    assert "LIBERO's normalised numbers" in capsys.readouterr().out
    assert main([*words, "--json"]) == 1
    assert "error" in {each["severity"] for each in json.loads(capsys.readouterr().out)["remarks"]}


def named(*names: str) -> tuple[Convention, ...]:
    return tuple(conventions()[name] for name in names)
