"""Time: which observation belongs to which action, and whether commands explain the motion."""

from __future__ import annotations

import hashlib
from typing import Any, Iterator, List, Optional, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.libero import alignment as align
from forkctl.libero.suites import find_suite
from forkctl.libero.units.noops import noop_mask
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence, alignment_of
from forkctl.libero.validation.findings import Finding
from forkctl.libero.validation.numbers import AXES

# The hand moves 12 mm in a usual fast step; in robosuite, 20 at most.
_JUMP = 0.06
_STILL = 1e-4
# Achieved motion follows the command with a lag: in robosuite the correlation is 0.87 to 0.95.
_INVERTED, _UNRELATED = -0.3, 0.3
_MIN_STEPS = 30
_SHORT = 10
# People pause; the regenerated set has no pauses left.
_RAW_NOOPS, _REGENERATED_NOOPS = 0.5, 0.01


def check(file: FileEvidence) -> Iterator[Finding]:
    yield from _alignment(file)
    yield from _lengths(file)
    yield from _noops(file)
    for demo in file.demos:
        yield from _jumps(demo)
    yield from _directions(file)


def _alignment(file: FileEvidence) -> Iterator[Finding]:
    votes = [(demo.name, demo.alignment()) for demo in file.demos if _can_vote(demo)]
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


def _lengths(file: FileEvidence) -> Iterator[Finding]:
    suite = find_suite(file.task)
    for demo in file.demos:
        steps = 0 if demo.actions is None else len(demo.actions)
        if suite is not None and steps > suite.max_steps:
            detail = f"{steps} steps; {suite.name} is evaluated for at most {suite.max_steps}"
            yield Finding("episode-long", detail, demo.name)
        elif 0 < steps < _SHORT:
            yield Finding("episode-short", f"{steps} steps", demo.name)


def _noops(file: FileEvidence) -> Iterator[Finding]:
    masks = [noop_mask(demo.actions) for demo in file.demos if demo.actions is not None]
    if not masks:
        return
    share = float(np.concatenate(masks).mean())
    raw = bool(file.attrs) or alignment_of(file) == align.RAW
    limit = _RAW_NOOPS if raw else _REGENERATED_NOOPS
    if share > limit:
        kind = "raw" if raw else "regenerated"
        yield Finding(
            "noop-share", f"{share:.1%} of the steps do nothing; {kind} data: {limit:.0%}"
        )


def _jumps(demo: DemoEvidence) -> Iterator[Finding]:
    position = demo.obs("ee_pos")
    if position is None or len(position) < 2 or not np.isfinite(position).all():
        return
    steps = np.linalg.norm(np.diff(position, axis=0), axis=1)
    if steps.max() > _JUMP:
        detail = f"{1000 * steps.max():.0f} mm between steps {steps.argmax()} and the next"
        yield Finding("pose-jump", detail, demo.name)


def _directions(file: FileEvidence) -> Iterator[Finding]:
    """Compares each commanded direction with the motion that follows, over the whole file."""
    alignment = alignment_of(file)
    pairs = [_command_and_motion(demo, alignment) for demo in file.demos]
    pairs = [pair for pair in pairs if pair is not None]
    if not pairs:
        return
    command = np.concatenate([pair[0] for pair in pairs if pair])
    motion = np.concatenate([pair[1] for pair in pairs if pair])
    if len(command) < _MIN_STEPS:
        return
    for axis in range(3):
        if command[:, axis].std() < _STILL or motion[:, axis].std() < _STILL:
            continue
        value = float(np.corrcoef(command[:, axis], motion[:, axis])[0, 1])
        if value < _INVERTED:
            detail = f"{AXES[axis]}: the hand moves against the command (correlation {value:.2f})"
            yield Finding("action-inverted", detail)
        elif value < _UNRELATED:
            detail = f"{AXES[axis]}: command and motion have a correlation of {value:.2f}"
            yield Finding("action-unrelated", detail)


def _command_and_motion(
    demo: DemoEvidence, alignment: Optional[str]
) -> Optional[Tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    position = demo.obs("ee_pos")
    if alignment is None or demo.actions is None or position is None or len(position) < 3:
        return None
    motion = np.diff(position, axis=0)  # from observation t to t + 1
    command = demo.actions[1:, :3] if alignment == align.RAW else demo.actions[:-1, :3]
    if not (np.isfinite(motion).all() and np.isfinite(command).all()):
        return None
    if np.linalg.norm(motion, axis=1).max() > _JUMP:
        return None
    return command, motion


def digests(file: FileEvidence) -> List[Tuple[str, str]]:
    """A digest of each demo's motion: equal for copies, whatever their frames."""
    return [
        (demo.name, hashlib.sha256(np.round(demo.actions, 9).tobytes()).hexdigest()[:16])
        for demo in file.demos
        if demo.actions is not None and len(demo.actions) >= _SHORT
    ]
