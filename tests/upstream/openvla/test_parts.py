"""Augmentation, sharding, clipping and resuming, each by itself in OpenVLA's environment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.driver import Fork

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answer(openvla: Fork, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return openvla.probe("probe_parts", scratch=tmp_path_factory.mktemp("probe-parts"))


def test_augmentation_is_that_of_tensorflow_pixel_by_pixel(answer: dict[str, Any]):
    largest, share = answer["augmentation"]
    assert largest <= 1
    assert share < 0.02


def test_one_number_decides_an_augmentation_unless_told_otherwise(answer: dict[str, Any]):
    assert answer["tied"] == 1
    assert answer["independent"] == 6
    assert answer["by_position"]


def test_processes_share_what_one_would_see(answer: dict[str, Any]):
    assert answer["sharding"] == [True, True]


def test_gradients_are_clipped_as_told(answer: dict[str, Any]):
    assert answer["clipped"] == pytest.approx([1.0, 10.0], rel=1e-5)


def test_upstreams_saving_follows_steps_not_batches(answer: dict[str, Any]):
    assert answer["upstream_saves"] == [False, True, False]


def test_only_whole_checkpoints_of_the_same_run_are_gone_on_from(answer: dict[str, Any]):
    other, absent = answer["refused"]
    assert "seed is 7 there and 8 here" in other
    assert "training.resume names no checkpoint of a run" in absent
    assert answer["half_written"]
    assert answer["newest"].endswith("step-000005")
