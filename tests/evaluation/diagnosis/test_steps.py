"""Too few steps is a verdict of its own, and what has not learned is accused of nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forkctl.evaluation.diagnosis import diagnose
from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind
from forkctl.evaluation.diagnosis.learning import Learning
from forkctl.evaluation.dimensions import Floats
from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.pairs import EpisodePairs, Pairs, pair_up
from forkctl.evaluation.openloop.scale import scale_of
from forkctl.libero.suites import SUITES
from forkctl.libero.synth.scene import scene_for
from forkctl.libero.synth.trajectories import Style, make_trajectories
from tests.evaluation.demos import SIZES, apprentice, pairs_of, scale

STEPS = np.arange(1, 61)
FALLING = Learning.of("fork/run", [(step, 1 / step**0.5) for step in STEPS])
LEVEL = Learning.of("fork/run", [(step, 0.2 + 0.8 * (step < 10)) for step in STEPS])


def judged(pairs: Pairs, **more: object) -> dict[str, Diagnosis]:
    evidence = Evidence(pairs, measure(pairs, scale(), resamples=200), scale(), **more)  # type: ignore[arg-type]
    return {verdict.name: verdict for verdict in diagnose(evidence)}


def noise(truth: Floats) -> Floats:
    random = np.random.default_rng(len(truth) + int(abs(truth[0, 0]) * 1e6))
    return np.hstack([random.uniform(-SIZES, SIZES, (len(truth), 6)), -np.sign(truth[:, 6:])])


def never(truth: Floats) -> Floats:
    return np.hstack([np.zeros((len(truth), 6)), -np.ones((len(truth), 1))])


def inverted(truth: Floats) -> Floats:
    return apprentice(truth) * np.array([1, -1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("predict", [noise, never])
def test_a_loss_that_still_fell_explains_all_that_looks_wrong(
    predict: Callable[[Floats], Floats],
) -> None:
    verdict = judged(pairs_of(predict), learning=FALLING)
    assert list(verdict) == ["too-few-steps"]
    assert "60 steps" in verdict["too-few-steps"].evidence[0]
    assert "still falling" in verdict["too-few-steps"].evidence[0]


@pytest.mark.parametrize("predict", [noise, never])
def test_after_a_level_loss_the_fault_itself_is_named(
    predict: Callable[[Floats], Floats],
) -> None:
    found = judged(pairs_of(predict), learning=LEVEL)
    assert "too-few-steps" not in found
    assert {"random", "constant-zero"} & set(found)
    assert set(judged(pairs_of(predict))) == set(found), "as where nothing is known of the run"


def test_a_policy_that_has_learned_is_told_so_though_its_loss_still_fell() -> None:
    assert list(judged(pairs_of(apprentice), learning=FALLING)) == ["learned"]


def test_a_fault_of_a_policy_that_follows_is_not_put_down_to_the_steps() -> None:
    assert set(judged(pairs_of(inverted), learning=FALLING)) == {"inverted-axis"}


def test_a_policy_that_follows_without_skill_needs_more_steps_where_no_fault_is_found() -> None:
    """Unsure: right more often than not, and off by more than a constant."""

    def unsure(truth: Floats) -> Floats:
        return np.hstack([0.5 * truth[:, :6] + 0.7 * noise(truth)[:, :6], truth[:, 6:]])

    assert list(judged(pairs_of(unsure), learning=FALLING)) == ["too-few-steps"]


def test_no_skill_tells_how_it_was_trained() -> None:
    def weak(truth: Floats) -> Floats:
        return np.hstack([0.5 * truth[:, :6] + 0.7 * noise(truth)[:, :6], truth[:, 6:]])

    evidence = " ".join(judged(pairs_of(weak), learning=LEVEL)["no-skill"].evidence)
    assert "was level at the end (fork/run)" in evidence


def test_predictions_like_those_of_the_base_show_that_nothing_has_moved_yet() -> None:
    base = pairs_of(noise)

    def moved(share: float) -> Pairs:
        return pairs_of(lambda truth: (1 - share) * noise(truth) + share * truth)

    assert list(judged(moved(0.05), initial=base)) == ["too-few-steps"]
    assert "too-few-steps" not in judged(moved(0.3), initial=base)
    assert "too-few-steps" not in judged(moved(0.05), initial=base, learning=LEVEL)


def test_the_course_of_a_loss() -> None:
    random = np.random.default_rng(0)
    noisy = [(step, 0.3 + 0.1 * random.standard_normal()) for step in range(200)]
    slow = [(step, 1 - 0.0001 * step) for step in range(200)]  # two per cent in all
    falling = [(step, loss - 0.001 * step) for step, loss in noisy]
    found = [Learning.of("run", points) for points in (noisy, slow, falling)]
    assert [each.falling for each in found if each] == [False, False, True]
    assert found[1] is not None and found[1].steps == 199
    assert found[1].first == pytest.approx(np.mean([loss for _, loss in slow[:20]]))
    assert Learning.of("run", noisy[:7]) is None


# What an untrained network says of demonstrations as they are: quick at the start, slow later.


def ways(count: int, steps: int, seed: int) -> list[Floats]:
    """The beginnings of synthetic demonstrations of two tasks."""
    found = []
    for task in SUITES["libero_spatial"].tasks[:2]:
        made = make_trajectories(
            scene_for(task, 1), [[seed, n] for n in range(count)], Style(), 220
        )
        for number, length in enumerate(made.length):
            found.append(made.action[number, : min(steps, length)])
    return found


def whisper(truth: Floats, random: np.random.Generator) -> Floats:
    """Nearly one and the same small action."""
    return 0.05 + 0.02 * random.standard_normal((len(truth), 6))


def drift(truth: Floats, random: np.random.Generator) -> Floats:
    """Slowly on the way from one action to another, as the scene changes."""
    share = np.linspace(0, 1, len(truth))[:, None]
    return share * random.normal(0, 0.3, 6) + random.normal(0, 0.2, 6)


@pytest.mark.parametrize("untrained", [whisper, drift])
@pytest.mark.parametrize(("demos", "steps"), [(1, 30), (3, 40)])
def test_what_is_untrained_fits_no_other_step(
    untrained: Callable[[Floats, np.random.Generator], Floats], demos: int, steps: int
) -> None:
    yardstick = scale_of(np.concatenate(ways(6, 999, 99)), "tests")
    for seed in range(4):
        random = np.random.default_rng(seed)
        parts = [
            EpisodePairs(
                f"{number}", "", truth, np.hstack([untrained(truth, random), truth[:, 6:]])
            )
            for number, truth in enumerate(ways(demos, steps, seed))
        ]
        pairs = pair_up(parts)
        evidence = Evidence(pairs, measure(pairs, yardstick, resamples=50), yardstick)
        faults = {verdict.name for verdict in diagnose(evidence) if verdict.kind is Kind.FAULT}
        assert "misaligned-observations" not in faults
