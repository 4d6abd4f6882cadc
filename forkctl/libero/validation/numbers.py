"""Values: finite, in range, in LIBERO's units."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import numpy as np
import numpy.typing as npt

from forkctl.libero.units.dimensions import METRES_PER_ACTION
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding

AXES = ("x", "y", "z", "rotation x", "rotation y", "rotation z", "gripper")

_ROTATION_LIMIT = 0.5  # no published file goes over 0.375
_SAME = 1e-5


def check(file: FileEvidence) -> Iterator[Finding]:
    for demo in file.demos:
        yield from _finite(demo)
        yield from _in_range(demo)
        yield from _terminal(demo)
    actions = usable_actions(file)
    if actions is not None:
        yield from _scale(actions)
        yield from _constant(actions)


def usable_actions(file: FileEvidence) -> Optional[npt.NDArray[Any]]:
    """The finite actions of the file within the controller's range; None if there are few."""
    parts = [demo.actions for demo in file.demos if demo.actions is not None]
    if not parts:
        return None
    every = np.concatenate(parts)
    good = every[(np.abs(every) <= 1 + _SAME).all(axis=1)]  # also drops NaN
    return good if len(good) >= 20 else None


def _finite(demo: DemoEvidence) -> Iterator[Finding]:
    for name, values in demo.arrays.items():
        bad = ~np.isfinite(values)
        if bad.any():
            first = int(np.argwhere(bad)[0][0])
            detail = f"{int(bad.sum())} values are NaN or infinite, the first at step {first}"
            yield Finding("non-finite", detail, f"{demo.name}/{name}")


def _in_range(demo: DemoEvidence) -> Iterator[Finding]:
    if demo.actions is None:
        return
    finite = np.where(np.isfinite(demo.actions), demo.actions, 0.0)
    largest = np.abs(finite).max(axis=0)
    for axis in np.flatnonzero(largest > 1 + _SAME):
        detail = f"{AXES[axis]} reaches {largest[axis]:.4g}; the controller takes [-1, 1]"
        yield Finding("action-out-of-range", detail, f"{demo.name}/actions")


def _terminal(demo: DemoEvidence) -> Iterator[Finding]:
    dones = demo.arrays.get("dones")
    if dones is None or not np.isfinite(dones).all():
        return
    ends = np.flatnonzero(dones)
    if ends.tolist() != [len(dones) - 1]:
        at = "never set" if not len(ends) else f"set at step {ends[0]} of {len(dones)}"
        yield Finding("no-terminal", f"dones is {at}", f"{demo.name}/dones")


def in_metres(actions: npt.NDArray[Any]) -> bool:
    return 0 < float(np.abs(actions[:, :3]).max()) <= METRES_PER_ACTION


def _scale(actions: npt.NDArray[Any]) -> Iterator[Finding]:
    largest = np.abs(actions).max(axis=0)
    if in_metres(actions):
        detail = f"no translation over {largest[:3].max():.4g}: metres, not the controller's scale?"
        yield Finding("metric-actions", detail)
    elif largest[3:6].max() > _ROTATION_LIMIT:
        yield Finding("rotation-range", f"rotations reach {largest[3:6].max():.4g}")


def _constant(actions: npt.NDArray[Any]) -> Iterator[Finding]:
    for axis in np.flatnonzero(np.ptp(actions[:, :6], axis=0) == 0):
        yield Finding("action-constant", f"{AXES[axis]} is always {actions[0, axis]:.4g}")
