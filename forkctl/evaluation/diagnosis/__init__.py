"""Named verdicts on a policy: what is wrong, the evidence, the likely cause, the mend.

A fault is named when undoing it makes the predictions better, so each check is a small experiment
on the predictions, or on the policy itself with other observations (the probes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from forkctl.evaluation.diagnosis import (
    axes,
    collapse,
    gripper,
    observations,
    steps,
    trivial,
    units,
    words,
)
from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind

Check = Callable[[Evidence], Diagnosis | None]

CHECKS: tuple[Check, ...] = (
    trivial.not_finite,
    trivial.knows_truth,
    steps.hardly_begun,
    trivial.constant,
    trivial.random,
    axes.swapped,
    axes.inverted,
    units.unit,
    units.statistics,
    collapse.to_zero,
    collapse.to_value,
    words.not_actions,
    observations.misaligned,
    observations.rotated,
    observations.blind,
    gripper.sign,
    gripper.zero_to_one,
    gripper.stuck,
)

_COLLAPSES = frozenset({"collapse-to-zero", "collapse-to-token", "collapse-to-value"})
_CONSTANTS = frozenset({"constant-zero", "constant-mean", "constant"})
_GRIPPER_FAULTS = frozenset({"gripper-sign", "gripper-range", "gripper-stuck"})
_MOTION_FAULTS = frozenset(
    {
        "swapped-axes",
        "inverted-axis",
        "unit-error",
        "wrong-statistics",
        *_COLLAPSES,
        "misaligned-observations",
        "image-not-rotated",
        "ignores-images",
    }
)
# What a verdict makes follow by itself, and need not be said again.
EXPLAINS: dict[str, frozenset[str]] = {
    "too-few-steps": (_MOTION_FAULTS | _CONSTANTS | _GRIPPER_FAULTS | {"random", "not-actions"}),
    "constant-zero": _MOTION_FAULTS | {"random"},
    "constant-mean": _MOTION_FAULTS | {"random"},
    "constant": _MOTION_FAULTS | {"random"},
    # each decodes to an end of the range: whatever else is seen is made of those
    "not-actions": _MOTION_FAULTS | {"constant", "random", "gripper-sign", "gripper-stuck"},
    # but not what a probe shows: upside-down images make a good policy look like noise
    "random": _MOTION_FAULTS - {"image-not-rotated", "misaligned-observations"},
    "image-not-rotated": (
        _MOTION_FAULTS - {"image-not-rotated"} | {"random", "gripper-sign", "gripper-stuck"}
    ),
    "swapped-axes": _COLLAPSES | {"inverted-axis", "unit-error", "wrong-statistics"},
    "unit-error": _COLLAPSES | {"wrong-statistics"},
    "wrong-statistics": _COLLAPSES,
    "gripper-range": frozenset({"gripper-sign", "gripper-stuck"}),
}


def diagnose(
    evidence: Evidence, advice: Mapping[str, str] = MappingProxyType({})
) -> tuple[Diagnosis, ...]:
    """All verdicts that hold and that no other one explains.

    `advice` is what the policy's family adds to what to do about them, by name.
    """
    return tuple(
        replace(verdict, mend=f"{verdict.mend} {advice[verdict.name]}")
        if verdict.name in advice
        else verdict
        for verdict in _verdicts(evidence)
    )


def _verdicts(evidence: Evidence) -> tuple[Diagnosis, ...]:
    if not evidence.pairs.rows:
        alone = trivial.not_finite(evidence)
        return () if alone is None else (alone,)
    found = [verdict for check in CHECKS if (verdict := check(evidence))]
    explained = {name for verdict in found for name in EXPLAINS.get(verdict.name, ())}
    kept = [verdict for verdict in found if verdict.name not in explained]
    if any(verdict.kind is Kind.FAULT and verdict.dims != ("gripper",) for verdict in kept):
        return tuple(kept)
    if any(verdict.name == "knows-the-truth" for verdict in kept):
        return tuple(kept)
    outcome = trivial.learned(evidence) or steps.too_few(evidence) or trivial.no_skill(evidence)
    return (*kept, outcome)
