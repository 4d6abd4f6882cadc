"""Predictors that need no policy: a constant, noise, the truth itself."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind
from forkctl.evaluation.dimensions import MOTION

FLAT = 1e-4  # of a dimension's span: less than any quantiser's step
CHANCE = 0.1  # a correlation below this is chance


def not_finite(evidence: Evidence) -> Diagnosis | None:
    """NaN is not an action."""
    if not evidence.not_finite:
        return None
    return Diagnosis(
        "not-finite",
        Kind.FAULT,
        "Predictions hold NaN or infinity",
        (f"{100 * evidence.not_finite:.1f} % of the steps; the numbers here are of the others",),
        "Training diverged, or a normalisation divides by zero.",
        "Look at the loss curve; clip gradients; check the statistics for a range of zero.",
        MOTION,
    )


def constant(evidence: Evidence) -> Diagnosis | None:
    """The same motion at every step, whatever is seen."""
    motion = evidence.pairs.prediction[:, : len(MOTION)]
    span, dead_zone = evidence.scale.span[: len(MOTION)], evidence.scale.dead_zone[: len(MOTION)]
    if (motion.std(axis=0) > FLAT * span).any():
        return None
    value = motion.mean(axis=0)
    said = ", ".join(f"{n} {v:+.3f}" for n, v in zip(MOTION, value, strict=True))
    facts = (f"every prediction is {said}",)
    mend = "Train longer or at a higher learning rate; check that the loss reaches the weights."
    if (np.abs(value) <= dead_zone).all():
        return Diagnosis(
            "constant-zero",
            Kind.FAULT,
            "The policy never moves",
            (*facts, "all inside the dead zone"),
            "It learned the most frequent action, or its outputs were never trained.",
            mend,
            MOTION,
        )
    if (np.abs(value - evidence.scale.mean[: len(MOTION)]) <= dead_zone).all():
        return Diagnosis(
            "constant-mean",
            Kind.FAULT,
            "The policy always says the mean action",
            (*facts, "the mean of the training actions"),
            "Regression that sees nothing it can use: inputs are blank, frozen or ignored.",
            mend,
            MOTION,
        )
    return Diagnosis(
        "constant",
        Kind.FAULT,
        "The policy always says the same",
        facts,
        "It collapsed to one action.",
        mend,
        MOTION,
    )


def random(evidence: Evidence) -> Diagnosis | None:
    """It moves a lot, and in no relation to the truth."""
    strengths = np.nan_to_num([abs(evidence.correlation(name)) for name in MOTION])
    direction = evidence.table["dir_cond", "motion"]
    size = evidence.table.value("magnitude_ratio", "motion")
    unrelated = strengths.max() < 2 * CHANCE and strengths.mean() < CHANCE
    if not (unrelated and abs(direction.value - 0.5) < 0.05 and size > 0.5):
        return None
    return Diagnosis(
        "random",
        Kind.FAULT,
        "Predictions bear no relation to the truth",
        (
            f"correlation {strengths.mean():.2f} on average over dimensions",
            f"right direction in {100 * direction.value:.0f} % of the moves: chance is 50 %",
            f"moves are {size:.2f} times as large as the demonstrator's",
        ),
        "The head is untrained, or inputs are not the ones it was trained on.",
        "Compare with --base; check that the checkpoint's weights are the ones that were loaded.",
        MOTION,
    )


def knows_truth(evidence: Evidence) -> Diagnosis | None:
    """Too good: no policy is exact."""
    error = evidence.table.value("l1_norm", "motion")
    if not error < 1e-6:
        return None
    return Diagnosis(
        "knows-the-truth",
        Kind.NOTE,
        "Predictions equal the demonstrator's actions",
        (f"normalised L1 {error:.1e} over {evidence.pairs.rows} steps",),
        "The policy reads the actions that it should predict, or this is the replay baseline.",
        "Check what the observation holds.",
    )


def has_skill(evidence: Evidence) -> bool:
    skill = evidence.table["skill_mean", "motion"]
    direction = evidence.table["dir_cond", "motion"]
    return bool(np.nan_to_num(skill.low, nan=skill.value) > 0 and direction.value > 0.6)


def learned(evidence: Evidence) -> Diagnosis | None:
    """It beats the constant mean and chance, with the whole interval."""
    if not has_skill(evidence):
        return None
    skill = evidence.table["skill_mean", "motion"]
    direction = evidence.table["dir_cond", "motion"]
    previous = evidence.table.value("skill_previous", "motion")
    facts = [
        f"error {100 * skill.value:.0f} % below that of the constant mean",
        f"right direction in {100 * direction.value:.0f} % of the moves",
    ]
    if previous < 0:
        facts.append(
            "still worse than repeating the demonstrator's last action, as is usual at 20 Hz: "
            "that baseline sees the truth, a policy does not"
        )
    return Diagnosis(
        "learned",
        Kind.GOOD,
        "The policy has learned from the demos",
        tuple(facts),
        "",
        "Measure success in rollouts next: open loop says nothing of drift.",
    )


def no_skill(evidence: Evidence) -> Diagnosis:
    """Nothing wrong was found, and nothing was learned."""
    skill = evidence.table["skill_mean", "motion"]
    facts = [f"skill over the constant mean {skill.value:+.2f}"]
    if evidence.learning is not None:
        facts.append(str(evidence.learning))
    return Diagnosis(
        "no-skill",
        Kind.NOTE,
        "No better than the constant mean",
        tuple(facts),
        "Too little training, or a fault that none of the checks knows.",
        "Look at the learning curve, then at the scatter plots dimension by dimension.",
    )
