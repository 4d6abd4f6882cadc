"""The gripper: which number means close, and whether the fingers agree."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np
import numpy.typing as npt

from forkctl.libero.validation.evidence import FileEvidence
from forkctl.libero.validation.findings import Finding
from forkctl.libero.validation.numbers import usable_actions

_EXACT = 1e-6
_FINGER_MOVES = 2e-4  # metres per step, both fingers together
_MIN_MOVES = 10
_FINGER_RANGE = (-0.005, 0.05)  # metres, one finger
_MIRROR = 0.01


def check(file: FileEvidence) -> Iterator[Finding]:
    actions = usable_actions(file)
    if actions is not None:
        yield from _command(file, actions[:, 6])
    for demo in file.demos:
        fingers = demo.obs("gripper_states")
        if fingers is None or not np.isfinite(fingers).all():
            continue
        low, high = _FINGER_RANGE
        left, right = fingers[:, 0], -fingers[:, 1]
        inside = low <= min(left.min(), right.min()) and max(left.max(), right.max()) <= high
        if not inside or np.abs(left - right).max() > _MIRROR:
            detail = f"{fingers.min():.4g} to {fingers.max():.4g} m, not mirrored in 0 to 0.04"
            yield Finding("gripper-states", detail, f"{demo.name}/obs/gripper_states")


def _command(file: FileEvidence, command: npt.NDArray[Any]) -> Iterator[Finding]:
    if np.ptp(command) <= _EXACT:
        yield Finding("gripper-still", f"always {command[0]:.4g}")
        return
    closing = _share_closing(file)
    if (np.abs(np.abs(command) - 1) <= _EXACT).all():
        if closing is not None and closing < 0.3:
            yield Finding("gripper-inverted", f"+1 closes in only {closing:.0%} of finger moves")
    elif np.isin(np.round(command, 6), (0.0, 1.0)).all():
        meaning = "it is not clear which one closes"
        if closing is not None:
            meaning = "1 = close" if closing > 0.5 else "1 = open"
        yield Finding("gripper-convention", f"values are 0 and 1 ({meaning}), not -1 and +1")
    else:
        share = float((np.abs(np.abs(command) - 1) > _EXACT).mean())
        yield Finding("gripper-continuous", f"{share:.0%} of the values are neither -1 nor +1")


def _share_closing(file: FileEvidence) -> Any:
    """Where the fingers move: the share in which the larger command goes with closing."""
    agree = total = 0
    for demo in file.demos:
        fingers = demo.obs("gripper_states")
        if demo.actions is None or fingers is None or len(fingers) != len(demo.actions):
            continue
        widths = np.diff(fingers[:, 0] - fingers[:, 1])
        command = demo.actions[1:, 6]
        middle = (demo.actions[:, 6].max() + demo.actions[:, 6].min()) / 2
        moving = np.abs(widths) > _FINGER_MOVES
        agree += int(((widths < 0) == (command > middle))[moving].sum())
        total += int(moving.sum())
    return agree / total if total >= _MIN_MOVES else None
