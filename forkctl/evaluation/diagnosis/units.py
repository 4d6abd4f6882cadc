"""Right shape, wrong size: another unit, or statistics of another data set."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Drop, Evidence, Kind, drop_of, listed
from forkctl.evaluation.dimensions import DIMENSIONS, GROUPS, MOTION, Floats

FOLLOWS = 0.8  # correlation that suffices to judge a scale
FOLLOWS_ROUGHLY = 0.6  # enough to try a scale that is known
ALIKE = 0.25  # spread of the factors of one group
AS_LARGE = (1 / 1.5, 1.5)  # factors that are not an error
LEAST_DROP = 0.15
LEAST_DROP_FITTED = 0.3  # a fit has freedom that a hypothesis lacks

# truth / prediction -> what makes it so
KNOWN_FACTORS = (
    (20.0, "position", "metres where controller units (0.05 m) are expected"),
    (2.0, "rotation", "radians where controller units (0.5 rad) are expected"),
    (20.0, "rotation", "velocities at 20 Hz, or the position's factor used for rotations"),
    (0.25, "position", "sums of four steps executed as one"),
    (0.25, "rotation", "sums of four steps executed as one"),
    (4.0, "position", "actions divided by four"),
    (0.05, "position", "velocities (a second) where steps are expected"),
)


def unit(evidence: Evidence) -> Diagnosis | None:
    """All axes of a group are too large, or too small, by the same factor."""
    factors = {
        name: found for name in ("position", "rotation") if (found := _common(evidence, name))
    }
    if not factors:
        return None
    mended = evidence.pairs.prediction.copy()
    dims: list[str] = []
    for group, factor in factors.items():
        for name in GROUPS[group]:
            mended[:, DIMENSIONS.index(name)] *= factor
            dims.append(name)
    drop = drop_of(evidence.pairs, mended, evidence.scale, dims)
    named = _best_named(evidence)
    if not drop.convincing(LEAST_DROP) or (named is not None and named[1].share > drop.share):
        return None
    return Diagnosis(
        "unit-error",
        Kind.FAULT,
        "Right shape, wrong unit: "
        + ", ".join(f"{group} times {factor:.3g}" for group, factor in factors.items()),
        (
            *(
                f"{group}: the truth is {factor:.3g} times the prediction on every axis"
                + _explained(group, factor)
                for group, factor in factors.items()
            ),
            f"scaled, {drop}",
        ),
        "A unit was not converted, or converted twice, between the data and the checkpoint.",
        "Undo the scaling that training applied, in the policy's declared convention.",
        tuple(dims),
    )


def _explained(group: str, factor: float) -> str:
    for known, where, words in KNOWN_FACTORS:
        if where == group and abs(np.log(factor / known)) < 0.25:
            return f": {words}"
    return ""


def _common(evidence: Evidence, group: str) -> float | None:
    """One factor for all axes of the group, with no offset that matters."""
    columns = [DIMENSIONS.index(name) for name in GROUPS[group]]
    if not all(evidence.correlation(name) >= FOLLOWS for name in GROUPS[group]):
        return None  # also where an axis never moves, which correlates with nothing
    slopes, offsets = _affine(evidence.pairs.prediction, evidence.pairs.truth)
    middle = float(np.median(slopes[columns]))
    alike = np.abs(slopes[columns] / middle - 1) <= ALIKE
    shifted = np.abs(offsets[columns]) > 2 * evidence.scale.dead_zone[columns]
    if not alike.all() or shifted.any() or AS_LARGE[0] <= middle <= AS_LARGE[1]:
        return None
    return middle


def _affine(prediction: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """truth = slope * prediction + offset by spread and mean: noise does not shrink the slope."""
    spread = prediction.std(axis=0)
    slopes = truth.std(axis=0) / np.where(spread > 1e-9, spread, 1.0)
    return slopes, truth.mean(axis=0) - slopes * prediction.mean(axis=0)


def statistics(evidence: Evidence) -> Diagnosis | None:
    """Un-normalised with other statistics, or not at all: first by name, then by a fit."""
    named = _best_named(evidence)
    if named is not None:
        name, drop = named
        return _wrong_statistics((f"if they were {name}, undone: {drop}",), MOTION)
    fitted = _fitted(evidence)
    if fitted is None:
        return None
    dims, facts = fitted
    return _wrong_statistics(facts, dims)


def _wrong_statistics(facts: tuple[str, ...], dims: tuple[str, ...]) -> Diagnosis:
    return Diagnosis(
        "wrong-statistics",
        Kind.FAULT,
        "Un-normalised with the wrong statistics" + ("" if dims == MOTION else f": {listed(dims)}"),
        facts,
        "The checkpoint's actions were scaled with the statistics of another data set, or never.",
        "Take the statistics of the data that it was trained on.",
        dims,
    )


def _best_named(evidence: Evidence) -> tuple[str, Drop] | None:
    """Over the axes that follow the truth: making noise smaller always makes it better."""
    dims = [name for name in MOTION if evidence.correlation(name) >= FOLLOWS_ROUGHLY]
    if len(dims) < 2:
        return None
    drops = {
        name: drop_of(evidence.pairs, mended, evidence.scale, dims)
        for name, mended in _named(evidence)
    }
    best = max(drops, key=lambda name: drops[name].share)
    return (best, drops[best]) if drops[best].convincing(LEAST_DROP) else None


def _named(evidence: Evidence) -> list[tuple[str, Floats]]:
    """(hypothesis, predictions if it is undone)."""
    scale, prediction = evidence.scale, evidence.pairs.prediction

    def denormalised(values: Floats) -> Floats:
        return (values + 1.0) / 2.0 * scale.span + scale.q01

    tries = [("never un-normalised", denormalised(prediction))]
    for name, other in evidence.other_scales.items():
        tries.append((f"un-normalised with {name}", denormalised(other.normalise(prediction))))
    return tries


def _fitted(evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """A slope and offset for each axis, fitted on every second episode, tried on the others."""
    pairs = evidence.pairs
    fit_rows = pairs.row_episode % 2 == 0
    if fit_rows.all() or not fit_rows.any():
        return None
    slopes, offsets = _affine(pairs.prediction[fit_rows], pairs.truth[fit_rows])
    odd = [
        name
        for number, name in enumerate(MOTION)
        if evidence.correlation(name) >= FOLLOWS
        and (
            not AS_LARGE[0] <= slopes[number] <= AS_LARGE[1]
            or abs(offsets[number]) > 2 * evidence.scale.dead_zone[number]
        )
    ]
    if not odd:
        return None
    mended = np.where(fit_rows[:, None], pairs.prediction, slopes * pairs.prediction + offsets)
    drop: Drop = drop_of(pairs, mended, evidence.scale, odd)
    if not drop.convincing(LEAST_DROP_FITTED / 2):  # only half of the episodes were mended
        return None
    facts = (
        f"{name}: truth = {slopes[DIMENSIONS.index(name)]:.2f} * prediction "
        f"{offsets[DIMENSIONS.index(name)]:+.3f}"
        for name in odd
    )
    return tuple(odd), (
        *facts,
        f"fitted on half of the episodes, applied to the other half: {drop}",
    )
