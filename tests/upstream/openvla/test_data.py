"""LIBERO demos as OpenVLA's samples: what upstream's own transform makes of the same frames."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from forkctl.libero.units.published import published
from forkctl.libero.units.resampling import resample
from tests.driver import Fork

pytestmark = pytest.mark.slow


def statistics(openvla: Fork, libero: Path, target: Path, *more: str) -> dict[str, Any]:
    """As `forkctl data stats` writes them."""
    words = ["--write", str(target), "--name", "libero_spatial", *more]
    done = openvla.workspace.typed("data", "stats", str(libero), *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(target.read_text())
    return found


@pytest.fixture(scope="module")
def answer(
    openvla: Fork, tiny: Path, libero: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    scratch = tmp_path_factory.mktemp("probe-data")
    measured = statistics(openvla, libero, scratch / "at20" / "dataset_statistics.json")
    held = statistics(openvla, libero, scratch / "at5" / "dataset_statistics.json", "--hz", "5")
    found = openvla.probe(
        "probe_data", checkpoint=tiny, data=libero, statistics=measured, scratch=scratch
    )
    return {**found, "measured": measured, "measured_at_5hz": held}


@pytest.fixture(scope="module")
def stored(libero: Path) -> np.ndarray:
    """The first demo's actions, as LIBERO keeps them."""
    with h5py.File(min(libero.glob("*.hdf5"))) as file:
        return np.array(file["data/demo_0/actions"])


def in_openvlas_convention(actions: np.ndarray) -> np.ndarray:
    actions = actions.copy()
    actions[:, 6] = np.where(actions[:, 6] > 0, 0.0, 1.0)
    return actions


def test_tokens_and_pixels_are_upstreams(answer: dict[str, Any]):
    assert answer["lengths"] == 2, "two prompts of different length, or padding is not tested"
    assert answer["same"] == dict.fromkeys(answer["same"], True)
    assert answer["names"]


def test_images_that_are_finished_on_the_device_are_the_same(answer: dict[str, Any]):
    assert answer["uint8"]
    assert answer["raw"]


def test_resizing_on_the_device_is_pils_own_lanczos(answer: dict[str, Any]):
    assert answer["larger"] == 0
    assert answer["smaller"] == 0


def test_augmentation_changes_images_and_nothing_else_the_same_way_each_time(
    answer: dict[str, Any],
):
    same_again, same_as_plain, same_tokens = answer["augmented"]
    assert same_again
    assert not same_as_plain
    assert same_tokens
    assert answer["augmented_late"], "augmenting on the device gives other images"


def test_a_batch_does_not_depend_on_who_loads_it(answer: dict[str, Any]):
    assert answer["workers"] == [6, True]
    assert answer["pickled"]


def test_each_epoch_shows_every_sample_once_in_an_order_of_its_own(answer: dict[str, Any]):
    assert answer["epochs"] == [True, True]
    assert answer["shuffled"]


def test_statistics_are_those_of_data_stats(answer: dict[str, Any]):
    assert answer["statistics"] == answer["measured"]
    held, plain, measured = (
        answer[key]["libero_spatial"]["action"]
        for key in ("held_statistics", "statistics", "measured_at_5hz")
    )
    for key in ("mean", "std", "min", "max", "q01", "q99"):
        # composed rotations differ in the last digit between versions of numpy
        np.testing.assert_allclose(held[key], measured[key], rtol=1e-9, atol=1e-12)
    assert max(held["std"][:3]) < 0.99 * max(plain["std"][:3])


def test_published_statistics_are_taken_by_the_suites_name(answer: dict[str, Any]):
    for key in ("q01", "q99", "mean"):
        np.testing.assert_array_equal(
            answer["published"][key], published()["libero_spatial"].fields[key]
        )
    assert answer["published"]["mask"] == [True] * 6 + [False]


def test_frames_go_with_the_action_that_follows_them(answer: dict[str, Any], stored: np.ndarray):
    samples = answer["samples"]
    assert samples["frames"] == list(range(len(stored) - 1))  # raw: the last frame has no action
    np.testing.assert_array_equal(samples["actions"], in_openvlas_convention(stored[1:]))


def test_held_out_demos_are_the_last_of_each_task(answer: dict[str, Any]):
    assert answer["samples"]["demos"] == ["demo_0", "demo_1", "demo_2"] * 2
    assert answer["held_out"] == ["demo_0", "demo_0"]


def test_a_batch_is_named_by_its_files_and_frames(answer: dict[str, Any]):
    text, files, frames = answer["named"]
    assert all(file in text for file in files)
    assert {int(number) for number in re.findall(r"frame (\d+)", text)} <= set(frames)
    assert all(re.search(rf"\b{frame}\b", text) for frame in frames)


def test_windows_average_what_is_held(answer: dict[str, Any], stored: np.ndarray):
    held = answer["held"]
    assert held["frames"] == list(range(len(stored) - 1))
    actions = np.array(held["actions"])
    np.testing.assert_allclose(actions[0, :3], stored[1:5, :3].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(actions[:, 3:6], resample(stored, 4).actions[1:, 3:6], atol=1e-12)
    assert actions[3, 6] == (stored[7, 6] < 0)  # the window's last


def test_every_fourth_frame_keeps_its_own_action(answer: dict[str, Any], stored: np.ndarray):
    every = answer["every"]
    frames = every["frames"]
    assert np.diff(frames).tolist() == [4] * (len(frames) - 1)
    expected = in_openvlas_convention(stored[np.array(frames) + 1])
    np.testing.assert_array_equal(every["actions"], expected)


def test_scaling_is_undone_by_statistics_and_saturates_without_them(answer: dict[str, Any]):
    plain, scaled = (
        answer[key]["libero_spatial"]["action"] for key in ("statistics", "scaled_statistics")
    )
    for key in ("q01", "q99", "std"):
        np.testing.assert_allclose(scaled[key][:6], 2 * np.array(plain[key][:6]))
        assert scaled[key][6] == plain[key][6]
    assert answer["scaled_tokens"] <= 1  # a float that falls on the edge of a bin, at most
    with_others, with_own = answer["saturated"]
    assert with_others > with_own + 0.2
