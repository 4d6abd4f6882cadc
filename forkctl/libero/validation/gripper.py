"""The gripper: which number means close, and whether the fingers agree."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, Optional, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.libero.validation.clock import keeps_time
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding, of_demos
from forkctl.libero.validation.numbers import usable_actions

_EXACT = 1e-6
_FINGER_MOVES = 2e-4  # metres per step, both fingers together
_MIN_MOVES = 10
_FINGER_RANGE = (-0.005, 0.05)  # metres, one finger
_MIRROR = 0.01
INVERTED = 0.3


def check(file: FileEvidence) -> Iterator[Finding]:
    yield from _commands(file)
    for demo in file.demos:
        yield from _fingers(demo)


def _fingers(demo: DemoEvidence) -> Iterator[Finding]:
    """Each in its range. They mirror each other at the widest; a thing that is held off the middle
    pushes both to one side."""
    fingers = demo.obs("gripper_states")
    if fingers is None or not np.isfinite(fingers).all():
        return
    low, high = _FINGER_RANGE
    left, right = fingers[:, 0], -fingers[:, 1]
    inside = low <= min(left.min(), right.min()) and max(left.max(), right.max()) <= high
    widest = int(np.argmax(left + right))
    if not inside or abs(left[widest] - right[widest]) > _MIRROR:
        detail = f"{fingers.min():.4g} to {fingers.max():.4g} m, not mirrored in 0 to 0.04"
        yield Finding("gripper-states", detail, f"{demo.name}/obs/gripper_states")


def _commands(file: FileEvidence) -> Iterator[Finding]:
    """What all demos share is the file's; demos unlike the others are named."""
    together = usable_actions(file)
    if together is None:
        return
    whole = _meaning(together[:, 6], share_closing(file.demos))
    if whole[0] == "gripper-still":
        yield Finding(*whole)
        return
    found: Dict[str, Dict[str, str]] = {}
    judged = 0
    for demo in file.demos:
        if demo.actions is None or not np.isfinite(demo.actions).all():
            continue
        judged += 1
        code, detail = _meaning(demo.actions[:, 6], share_closing([demo]))
        if code and code != "gripper-still":
            found.setdefault(code, {})[demo.name] = detail
    if whole[0] and len(found.get(whole[0], {})) > judged / 2:
        yield Finding(*whole)
        found.pop(whole[0])
    for code, details in found.items():
        yield from of_demos(code, details, judged)


def _meaning(command: npt.NDArray[Any], closing: Optional[float]) -> Tuple[str, str]:
    """What is wrong with the command, and the numbers; two empty strings where it is right."""
    if np.ptp(command) <= _EXACT:
        return "gripper-still", f"always {command[0]:.4g}"
    if (np.abs(np.abs(command) - 1) <= _EXACT).all():
        if closing is not None and closing < INVERTED:
            return "gripper-inverted", f"+1 closes in only {closing:.0%} of finger moves"
        return "", ""
    if np.isin(np.round(command, 6), (0.0, 1.0)).all():
        meaning = "it is not clear which one closes"
        if closing is not None:
            meaning = "1 = close" if closing > 0.5 else "1 = open"
        return "gripper-convention", f"values are 0 and 1 ({meaning}), not -1 and +1"
    share = float((np.abs(np.abs(command) - 1) > _EXACT).mean())
    return "gripper-continuous", f"{share:.0%} of the values are neither -1 nor +1"


def share_closing(demos: Iterable[DemoEvidence]) -> Optional[float]:
    """Where the fingers move: the share in which the larger command goes with closing."""
    agree = total = 0
    for demo in demos:
        fingers = demo.obs("gripper_states")
        if demo.actions is None or fingers is None or len(fingers) != len(demo.actions):
            continue
        if not keeps_time(demo) or next(_fingers(demo), None):
            continue
        widths = np.diff(fingers[:, 0] - fingers[:, 1])
        command = demo.actions[1:, 6]
        middle = (demo.actions[:, 6].max() + demo.actions[:, 6].min()) / 2
        moving = np.abs(widths) > _FINGER_MOVES
        agree += int(((widths < 0) == (command > middle))[moving].sum())
        total += int(moving.sum())
    return agree / total if total >= _MIN_MOVES else None
