from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forkctl.libero.alignment import ALIGNED, RAW, Pairing, detect
from forkctl.libero.errors import AlignmentError
from forkctl.libero.files.reader import DemoFile
from tests.libero.handmade import make_demo, write_demos, write_file


@pytest.mark.parametrize(("raw", "expected"), [(True, RAW), (False, ALIGNED)])
def test_detects_each_layout_through_a_little_noise(raw: bool, expected: str) -> None:
    demo = make_demo(0, 30, raw=raw)
    noise = np.random.default_rng(1).normal(0, 1e-4, (30, 7))
    assert detect(demo["obs/joint_states"] + noise, demo["states"]) == expected


def test_the_first_step_does_not_count() -> None:
    """A regenerated demo starts with the raw file's first state, which fits nothing."""
    demo = make_demo(0, 12, raw=False)
    demo["states"][0] += 100
    assert detect(demo["obs/joint_states"], demo["states"]) == ALIGNED


def test_a_resting_arm_and_unrelated_joints_show_nothing() -> None:
    states = np.zeros((20, 21))
    assert detect(np.zeros((20, 7)), states) is None
    rng = np.random.default_rng(0)
    assert detect(rng.normal(size=(200, 7)), rng.normal(size=(200, 21))) is None
    assert detect(np.full((20, 7), np.nan), states) is None
    assert detect(np.zeros((2, 7)), np.zeros((2, 21))) is None


def test_pairs_of_a_raw_demo_leave_out_the_first_action_and_last_observation() -> None:
    pairing = Pairing(RAW, 5)
    assert list(pairing) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    steps = np.arange(5)
    assert steps[pairing.obs].tolist() == [0, 1, 2, 3]
    assert steps[pairing.actions].tolist() == [1, 2, 3, 4]
    assert list(Pairing(ALIGNED, 3)) == [(0, 0), (1, 1), (2, 2)]
    assert list(Pairing(RAW, 0)) == []


def test_a_pair_joins_the_state_before_the_action_with_its_observation(tmp_path: Path) -> None:
    for raw in (True, False):
        demo = DemoFile(write_file(tmp_path / f"{raw}_demo.hdf5", raw=raw))["demo_0"]
        for t, action in demo.pairing():
            np.testing.assert_array_equal(
                demo.obs("joint_states")[t], demo.states()[action, 1:8], err_msg=f"raw={raw}"
            )


def test_resting_demos_follow_the_others(tmp_path: Path) -> None:
    resting = make_demo(0, 20, raw=True)
    resting["obs/joint_states"][:] = resting["states"][0, 1:8]
    resting["states"][:, 1:8] = resting["states"][0, 1:8]
    demos = [("demo_0", resting), ("demo_1", make_demo(1, 20, raw=True))]
    file = DemoFile(write_demos(tmp_path / "a_demo.hdf5", demos))
    assert file["demo_0"].detect_alignment() is None
    assert file["demo_0"].pairing().alignment == RAW


def test_demos_that_disagree_are_an_error_unless_the_person_decides(tmp_path: Path) -> None:
    demos = [("demo_0", make_demo(0, 20, raw=True)), ("demo_1", make_demo(1, 20, raw=False))]
    file = DemoFile(write_demos(tmp_path / "a_demo.hdf5", demos))
    with pytest.raises(AlignmentError, match="disagree") as caught:
        file.alignment()
    assert str(tmp_path) in str(caught.value)
    assert file.alignment(ALIGNED) == ALIGNED
    with pytest.raises(AlignmentError, match="sideways"):
        file.alignment("sideways")
