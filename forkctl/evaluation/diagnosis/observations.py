"""What the policy was shown: one step off, or upside down. Tried by showing it otherwise."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import (
    Diagnosis,
    Drop,
    Evidence,
    Kind,
    drop_between,
    episode_errors,
)
from forkctl.evaluation.dimensions import MOTION, Floats
from forkctl.evaluation.openloop.episodes import ObservationChange
from forkctl.evaluation.openloop.pairs import Pairs

# Actions change slowly at 20 Hz, so a step off costs little; a weak policy hides it altogether.
LEAST_DROP_SHIFTED = 0.05
LEAST_DROP_ROTATED = 0.10
# Over its own mean, at the step that it fits: what has not learned fits some other step by chance.
LEAST_SKILL_SHIFTED = 0.1
LAGS = tuple(lag for lag in range(-5, 6) if lag)
BLIND = 0.005  # normalised change of a prediction when its images are turned upside down


def misaligned(evidence: Evidence) -> Diagnosis | None:
    """Predictions fit the action of another step, or get better with another step's observation."""
    facts = []
    direction = 0
    lags = {lag: found for lag in LAGS if (found := _lagged(evidence, lag))}
    best = max(lags, key=lambda lag: lags[lag].share, default=0)
    if best and lags[best].convincing(LEAST_DROP_SHIFTED):
        when = f"{_steps(best)} {'earlier' if best < 0 else 'later'}"
        facts.append(f"predictions fit the true action of {when}: {lags[best]}")
        direction = best
    for change, drop in _probe_drops(evidence).items():
        if change.shift and drop.convincing(LEAST_DROP_SHIFTED):
            facts.append(f"with {change.name}: {drop}")
            # an action already made asks for the observation that follows
            direction = direction or -change.shift
    if not facts:
        return None
    if direction < 0:
        cause = (
            "It was trained to name an action that was over when the image was taken. One step: "
            "raw LIBERO files hold obs[t] recorded after actions[t], and were read as if before."
        )
        mend = "Train on pairs (obs[t], actions[t + 1]) of raw files: forkctl.libero pairs them so."
    else:
        cause = "It is shown observations that are older than those it was trained on."
        mend = "Check the alignment of the evaluation's data (--alignment), and any delay."
    return Diagnosis(
        "misaligned-observations",
        Kind.FAULT,
        f"Observations and actions are {_steps(direction)} apart",
        tuple(facts),
        cause,
        mend,
    )


def _steps(count: int) -> str:
    return "1 step" if abs(count) == 1 else f"{abs(count)} steps"


def _lagged(evidence: Evidence, lag: int) -> Drop | None:
    """The drop of the error when the truth is taken `lag` steps on, where predictions fit it there.

    Episodes begin and end slowly, so that other steps of the truth are easier to predict whatever
    is said of them. What the mean prediction gains by that is taken off.
    """
    pairs = evidence.pairs
    before, after, skill = [], [], []
    for rows in pairs.slices():
        length = rows.stop - rows.start
        if length <= abs(lag) + 1:
            continue
        truth, prediction = pairs.truth[rows], pairs.prediction[rows]
        here = slice(max(0, -lag), length - max(0, lag))
        there = slice(here.start + lag, here.stop + lag)
        said = prediction[here]
        mean = np.broadcast_to(said.mean(axis=0), said.shape)
        easier = _error(evidence, mean - truth[here]) - _error(evidence, mean - truth[there])
        error = _error(evidence, said - truth[there])
        before.append(_error(evidence, said - truth[here]))
        after.append(error + easier)
        skill.append(1 - error / max(_error(evidence, mean - truth[there]), 1e-9))
    if not skill or np.mean(skill) < LEAST_SKILL_SHIFTED:
        return None
    return drop_between(np.array(before), np.array(after))


def _error(evidence: Evidence, difference: Floats) -> float:
    return float(np.abs(difference / (evidence.scale.span / 2))[:, : len(MOTION)].mean())


def _probe_drops(evidence: Evidence) -> dict[ObservationChange, Drop]:
    if evidence.probed is None:
        return {}
    before = episode_errors(evidence.probed, evidence.scale)
    return {
        change: drop_between(before, episode_errors(pairs, evidence.scale))
        for change, pairs in evidence.probes.items()
    }


def rotated(evidence: Evidence) -> Diagnosis | None:
    """Better with the images upside down."""
    for change, drop in _probe_drops(evidence).items():
        if change.rotate and drop.convincing(LEAST_DROP_ROTATED):
            return Diagnosis(
                "image-not-rotated",
                Kind.FAULT,
                "Images are upside down for this policy",
                (f"with {change.name}: {drop}",),
                "LIBERO stores images upside down; training turned them and evaluation did not, "
                "or the other way round, or twice.",
                "Turn images by 180 degrees in both or in neither: declare `rotate_images`.",
            )
    return None


def blind(evidence: Evidence) -> Diagnosis | None:
    """The same answers whichever way up the images are."""
    if not evidence.sees_images or evidence.probed is None:
        return None
    for change, pairs in evidence.probes.items():
        if change.rotate:
            moved = _change(evidence, evidence.probed, pairs)
            if moved < BLIND:
                return Diagnosis(
                    "ignores-images",
                    Kind.FAULT,
                    "The policy does not look at its images",
                    (f"upside down, predictions change by {moved:.4f} of the half range",),
                    "The visual encoder is frozen at random, or was never loaded; the policy "
                    "lives on the robot's state.",
                    "Look at whether the encoder was loaded, and whether it is trained.",
                )
    return None


def _change(evidence: Evidence, plain: Pairs, other: Pairs) -> float:
    return _error(evidence, other.prediction - plain.prediction)
