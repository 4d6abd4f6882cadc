"""Each fault, injected into a policy that has learned, is named; and no other fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forkctl.evaluation.diagnosis import diagnose
from forkctl.evaluation.diagnosis.diagnosis import Evidence, Kind
from forkctl.evaluation.dimensions import DIMENSIONS, GRIPPER, Floats
from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.scale import Scale
from tests.evaluation.demos import SIZES, apprentice, pairs_of, scale

OBJECT = Scale(
    q01=np.array([-0.4, -0.9, -0.3, -0.2, -0.05, -0.3, -1.0]),
    q99=np.array([0.9, 0.4, 0.9, 0.05, 0.2, 0.1, 1.0]),
    mean=np.zeros(7),
    source="another suite",
)


def diagnosed(predict: Callable[[Floats], Floats], **more: object) -> tuple[set[str], dict]:
    pairs = pairs_of(predict)
    evidence = Evidence(pairs, measure(pairs, scale(), resamples=200), scale(), **more)
    verdicts = diagnose(evidence)
    return {v.name for v in verdicts if v.kind is Kind.FAULT}, {v.name: v for v in verdicts}


def never(truth: Floats) -> Floats:
    return np.hstack([np.zeros((len(truth), 6)), truth[:, 6:]])


def mean(truth: Floats) -> Floats:
    return np.hstack([np.tile(scale().mean[:6], (len(truth), 1)), truth[:, 6:]])


def favourite(truth: Floats) -> Floats:
    return np.hstack([np.tile(0.4 * SIZES, (len(truth), 1)), truth[:, 6:]])


def noise(truth: Floats) -> Floats:
    random = np.random.default_rng(len(truth) + int(abs(truth[0, 0]) * 1e6))
    return np.hstack([random.uniform(-SIZES, SIZES, (len(truth), 6)), truth[:, 6:]])


def hardly(truth: Floats) -> Floats:
    """Moves at one step in eight."""
    moves = np.random.default_rng(3).random((len(truth), 1)) < 0.125
    learned = apprentice(truth)
    return np.hstack([np.where(moves, learned[:, :6], 0.003 * SIZES), learned[:, 6:]])


def one_token(truth: Floats) -> Floats:
    learned = apprentice(truth)
    stuck = np.random.default_rng(4).random(len(truth)) < 0.7
    learned[stuck, 2] = 0.35
    return learned


def inverted_y(truth: Floats) -> Floats:
    learned = apprentice(truth)
    learned[:, 1] *= -1
    return learned


def swapped_x_y(truth: Floats) -> Floats:
    return apprentice(truth)[:, [1, 0, 2, 3, 4, 5, 6]]


def swapped_z_rz(truth: Floats) -> Floats:
    return apprentice(truth)[:, [0, 1, 5, 3, 4, 2, 6]]


def turned_gripper(truth: Floats) -> Floats:
    learned = apprentice(truth)
    learned[:, GRIPPER] *= -1
    return learned


def openvla_gripper(truth: Floats) -> Floats:
    learned = apprentice(truth)
    learned[:, GRIPPER] = (1 - learned[:, GRIPPER]) / 2
    return learned


def open_gripper(truth: Floats) -> Floats:
    learned = apprentice(truth)
    learned[:, GRIPPER] = -1
    return learned


def metres(truth: Floats) -> Floats:
    return apprentice(truth) * np.array([0.05, 0.05, 0.05, 0.5, 0.5, 0.5, 1])


def four_summed(truth: Floats) -> Floats:
    return apprentice(truth) * np.array([4.0] * 6 + [1])


def normalised(truth: Floats) -> Floats:
    return scale().normalise(apprentice(truth))


def other_statistics(truth: Floats) -> Floats:
    values = scale().normalise(apprentice(truth))
    return (values + 1) / 2 * OBJECT.span + OBJECT.q01


def one_step_late(truth: Floats) -> Floats:
    """Names the action that was just made."""
    learned = apprentice(truth)
    return np.vstack([learned[:1], learned[:-1]])


def one_step_early(truth: Floats) -> Floats:
    learned = apprentice(truth)
    return np.vstack([learned[1:], learned[-1:]])


@pytest.mark.parametrize(
    ("predict", "name"),
    [
        (never, "constant-zero"),
        (mean, "constant-mean"),
        (favourite, "constant"),
        (noise, "random"),
        (hardly, "collapse-to-zero"),
        (one_token, "collapse-to-value"),
        (inverted_y, "inverted-axis"),
        (swapped_x_y, "swapped-axes"),
        (swapped_z_rz, "swapped-axes"),
        (turned_gripper, "gripper-sign"),
        (openvla_gripper, "gripper-range"),
        (open_gripper, "gripper-stuck"),
        (metres, "unit-error"),
        (four_summed, "unit-error"),
        (normalised, "wrong-statistics"),
        (other_statistics, "wrong-statistics"),
        (one_step_late, "misaligned-observations"),
        (one_step_early, "misaligned-observations"),
    ],
)
def test_an_injected_fault_is_named_and_no_other(predict, name):
    faults, _ = diagnosed(predict)
    assert faults == {name}


def test_a_policy_that_has_learned_has_no_fault():
    faults, verdicts = diagnosed(apprentice)
    assert faults == set()
    assert verdicts["learned"].kind is Kind.GOOD


def test_the_truth_itself_is_called_too_good():
    faults, verdicts = diagnosed(lambda truth: truth)
    assert faults == set()
    assert set(verdicts) == {"knows-the-truth"}


def test_a_weak_policy_is_not_accused_of_a_fault():
    """Half noise: timid and unsure, but right more often than not."""

    def weak(truth: Floats) -> Floats:
        return np.hstack([0.5 * truth[:, :6] + 0.4 * noise(truth)[:, :6], truth[:, 6:]])

    faults, _ = diagnosed(weak)
    assert faults == set()


def test_other_statistics_are_named_when_they_are_known():
    faults, verdicts = diagnosed(other_statistics, other_scales={"libero_object": OBJECT})
    assert faults == {"wrong-statistics"}
    assert "libero_object" in verdicts["wrong-statistics"].evidence[0]


def test_the_right_statistics_among_others_raise_no_suspicion():
    faults, _ = diagnosed(apprentice, other_scales={"libero_object": OBJECT, "same": scale()})
    assert faults == set()


def test_a_whisper_in_the_wrong_direction_is_not_an_inversion():
    """Turning it round would hardly help: what is wrong is its size."""

    def whisper(truth: Floats) -> Floats:
        learned = apprentice(truth)
        learned[:, 0] = -0.04 * np.sign(truth[:, 0])
        return learned

    faults, _ = diagnosed(whisper)
    assert "inverted-axis" not in faults


def test_noise_is_not_taken_for_statistics_that_would_make_it_smaller():
    """Shrinking noise always lowers its error; that says nothing of where it came from."""
    wide = Scale(scale().q01 * 4, scale().q99 * 4, scale().mean, "wide suite")

    def weak(truth: Floats) -> Floats:
        return np.hstack([0.4 * truth[:, :6] + noise(truth)[:, :6], truth[:, 6:]])

    faults, _ = diagnosed(weak, other_scales={"wide suite": wide})
    assert "wrong-statistics" not in faults


def test_verdicts_name_their_axes_and_the_step():
    assert diagnosed(inverted_y)[1]["inverted-axis"].dims == ("y",)
    assert diagnosed(swapped_z_rz)[1]["swapped-axes"].dims == ("z", "rz")
    assert diagnosed(one_token)[1]["collapse-to-value"].dims == ("z",)
    late = diagnosed(one_step_late)[1]["misaligned-observations"]
    assert "1 step earlier" in late.evidence[0]
    early = diagnosed(one_step_early)[1]["misaligned-observations"]
    assert "1 step later" in early.evidence[0]
    assert late.mend != early.mend


@pytest.mark.parametrize("column", range(6))
def test_every_axis_can_be_found_inverted(column):
    def predict(truth: Floats) -> Floats:
        learned = apprentice(truth)
        learned[:, column] *= -1
        return learned

    faults, verdicts = diagnosed(predict)
    assert faults == {"inverted-axis"}
    assert verdicts["inverted-axis"].dims == (DIMENSIONS[column],)


def test_metres_are_recognised_as_metres():
    evidence = " ".join(diagnosed(metres)[1]["unit-error"].evidence)
    assert "metres" in evidence
    assert "radians" in evidence


def test_two_faults_are_both_named():
    faults, _ = diagnosed(lambda truth: turned_gripper(truth) * np.array([1, -1, 1, 1, 1, 1, 1]))
    assert faults == {"inverted-axis", "gripper-sign"}


def test_words_that_are_no_actions():
    """A policy that learned its motion but not always the format, and one that did both."""
    for spoken, expected in ((0, set()), (1, {"not-actions"})):
        pairs = pairs_of(apprentice)
        said = replace(
            pairs,
            tokens=np.full((pairs.rows, 7), 31900) + np.arange(pairs.rows)[:, None] % 90,
            invalid=np.full(pairs.rows, spoken),
        )
        evidence = Evidence(said, measure(said, scale(), resamples=200), scale())
        verdicts = {v.name: v for v in diagnose(evidence) if v.kind is Kind.FAULT}
        assert set(verdicts) == expected
        if expected:
            assert "14 % of its tokens" in verdicts["not-actions"].evidence[0]
