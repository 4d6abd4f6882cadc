"""Augmentation, sharding, clipping and resuming, each by itself in OpenVLA's environment."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
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


@pytest.mark.parametrize(
    ("how", "of_one_number"),
    [
        # measured of the dlimp that upstream pins: the crop's two 1.00, no others above .08
        ("upstream", [(0, 1)]),
        ("tied", list(itertools.combinations(range(6), 2))),
        ("independent", []),
    ],
)
def test_the_numbers_of_an_augmentation_go_together_as_upstreams(
    answer: dict[str, Any], how: str, of_one_number: list[tuple[int, int]]
):
    expected = np.eye(6)
    for one, other in of_one_number:
        expected[one, other] = expected[other, one] = 1
    np.testing.assert_allclose(answer[how], expected, atol=0.12)


def test_processes_share_what_one_would_see(answer: dict[str, Any]):
    assert answer["sharding"] == [True, True]


def test_gradients_are_clipped_as_told(answer: dict[str, Any]):
    assert answer["clipped"] == pytest.approx([1.0, 10.0], rel=1e-5)


def test_four_bits_are_never_merged_into(answer: dict[str, Any]):
    assert answer["quantised"] == ["adapter", "adapter"]


def test_upstreams_saving_follows_steps_not_batches(answer: dict[str, Any]):
    assert answer["upstream_saves"] == [False, True, False]


def test_only_whole_checkpoints_of_the_same_run_are_gone_on_from(answer: dict[str, Any]):
    other, absent = answer["refused"]
    assert "seed is 7 there and 8 here" in other
    assert "training.resume names no checkpoint of a run" in absent
    assert answer["half_written"]
    assert answer["newest"].endswith("step-000005")
