"""Which observation belongs to which action, and whether the hand jumps."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import numpy as np
import numpy.typing as npt

from forkctl.libero import alignment as align
from forkctl.libero.validation.clock import keeps_time
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding

Array = npt.NDArray[Any]

# The hand moves 12 mm in a usual fast step; in robosuite, 20 at most.
_JUMP = 0.06


def check(file: FileEvidence) -> Iterator[Finding]:
    yield from _alignment(file)
    for demo in file.demos:
        if keeps_time(demo):
            yield from _jumps(demo)


def _alignment(file: FileEvidence) -> Iterator[Finding]:
    votes = [
        (demo.name, demo.alignment()) for demo in file.demos if _can_vote(demo) and keeps_time(demo)
    ]
    counts = {kind: sum(vote == kind for _, vote in votes) for kind in align.ALIGNMENTS}
    if all(counts.values()):
        rare = min(counts, key=lambda kind: counts[kind])
        names = [name for name, vote in votes if vote == rare]
        for name in names:
            detail = f"{rare}, unlike {max(counts.values())} other demos"
            yield Finding("alignment-mixed", detail, name)
    for name, vote in votes:
        if vote is None:
            detail = "joint_states match states neither at the same step nor at the next"
            yield Finding("alignment-unclear", detail, name)


def _can_vote(demo: DemoEvidence) -> bool:
    """The arm moves, and both series are there and finite; otherwise other checks report it."""
    joints, states = demo.obs("joint_states"), demo.arrays.get("states")
    if joints is None or states is None or len(states) < 4:
        return False
    arm = states[:, 1:8]
    finite = bool(np.isfinite(joints).all() and np.isfinite(states).all())
    return finite and arm.shape[1:] == (7,) and float(np.ptp(arm, axis=0).max()) > 1e-3


def _jumps(demo: DemoEvidence) -> Iterator[Finding]:
    position = demo.obs("ee_pos")
    if position is None or len(position) < 2 or not np.isfinite(position).all():
        return
    steps = np.linalg.norm(np.diff(position, axis=0), axis=1)
    if steps.max() > _JUMP:
        detail = f"{1000 * steps.max():.0f} mm between steps {steps.argmax()} and the next"
        yield Finding("pose-jump", detail, demo.name)


def speed_of(demo: DemoEvidence, length: int) -> Optional[Array]:
    """Metres from each observation to the next."""
    position = demo.obs("ee_pos")
    if position is None or len(position) != length or not np.isfinite(position).all():
        return None
    speed: Array = np.linalg.norm(np.diff(position, axis=0), axis=1)
    return speed


def correlation(one: Array, other: Array) -> float:
    """0 where one of the two does not change."""
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0
