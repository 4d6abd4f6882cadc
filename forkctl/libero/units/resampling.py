"""From 20 Hz actions to actions that are held for k steps.

Taking every k-th action does not make a step larger, it only drops data. The sum of k leaves the
range of the controller. The *mean* of the window, held for k steps, arrives at the same place:
positions averaged, rotations composed and divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units import rotations as rot
from forkctl.libero.units.dimensions import METRES_PER_ACTION, RADIANS_PER_ACTION

Array = npt.NDArray[Any]

MEAN = "mean"
SUBSAMPLE = "subsample"
LAST = "last"
SPLIT = "split"

# How far the arm follows a command within one step: from rest, and once it moves.
_FIRST_RESPONSE = 0.10
_STEADY_RESPONSE = 0.25


@dataclass(frozen=True)
class Windows:
    """`actions[i]` stands for `lengths[i]` steps from step `starts[i]` on."""

    actions: Array
    starts: Array
    lengths: Array


@dataclass(frozen=True)
class ResamplingReport:
    """What holding each window changes, compared with the demo as recorded.

    `magnitude_ratio` compares the mean size of the translation over time: 1 means that a policy at
    this rate is asked for commands as large as before.
    """

    windows: int
    path_mm: float
    replay_error_mm: float
    replay_error_deg: float
    magnitude_ratio: float


def factor_for(hz: float) -> int:
    """How many 20 Hz steps one step at `hz` covers."""
    factor = round(CONTROL_HZ / hz) if hz > 0 else 0
    if factor < 1 or abs(factor * hz - CONTROL_HZ) > 1e-9:
        raise ForkctlError(
            f"{hz:g} Hz is not {CONTROL_HZ} Hz divided by a whole number",
            hint="one of: 20, 10, 5, 4, 2, 1",
        )
    return factor


def resample(
    actions: Array, factor: int, *, mode: str = MEAN, gripper: str = LAST, stride: int = 1
) -> Windows:
    """Windows of `factor` steps at every `stride`-th step of one demo's LIBERO actions (T, 7).

    The gripper is the window's last; with `gripper="split"` a window ends where the gripper
    toggles, so that it never closes too early. Windows at the end are shorter.
    """
    if mode not in (MEAN, SUBSAMPLE) or gripper not in (LAST, SPLIT):
        raise ForkctlError(
            f"cannot resample by {mode!r} with the gripper by {gripper!r}",
            hint=f"{MEAN} or {SUBSAMPLE}; {LAST} or {SPLIT}",
        )
    actions = np.asarray(actions, dtype=np.float64)
    starts = np.arange(0, len(actions), stride)
    lengths = np.minimum(factor, len(actions) - starts)
    if gripper == SPLIT:
        lengths = np.minimum(lengths, _steps_to_toggle(actions[:, 6])[starts])
    if mode == SUBSAMPLE:
        return Windows(actions[starts], starts, lengths)
    last = starts + lengths - 1
    result = np.empty((len(starts), actions.shape[1]))
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(actions[:, :3], axis=0)])
    result[:, :3] = (sums[last + 1] - sums[starts]) / lengths[:, None]
    turns = rot.matrix_from_axis_angle(actions[:, 3:6] * RADIANS_PER_ACTION)
    composed = turns[starts]
    for step in range(1, factor):
        inside = step < lengths
        # The controller applies a turn from the left: R_goal = exp(d) R.
        composed[inside] = turns[starts[inside] + step] @ composed[inside]
    result[:, 3:6] = rot.axis_angle_from_matrix(composed) / lengths[:, None] / RADIANS_PER_ACTION
    result[:, 6] = actions[last, 6]
    return Windows(result, starts, lengths)


def held(windows: Windows) -> Array:
    """The 20 Hz actions that executing windows one after the other sends."""
    result: Array = np.repeat(windows.actions, windows.lengths, axis=0)
    return result


def report(
    actions: Array, factor: int, *, mode: str = MEAN, gripper: str = LAST
) -> ResamplingReport:
    """Replay a demo's windows back to back and compare with the demo."""
    actions = np.asarray(actions, dtype=np.float64)
    windows = back_to_back(actions, factor, mode=mode, gripper=gripper)
    replayed = held(windows)
    path, other = _positions(actions), _positions(replayed)
    truth, turned = _orientations(actions), _orientations(replayed)
    apart = rot.axis_angle_from_matrix(turned @ np.swapaxes(truth, -1, -2))
    size = np.linalg.norm(actions[:, :3], axis=1).mean() if len(actions) else 0.0
    new_size = np.linalg.norm(replayed[:, :3], axis=1).mean() if len(actions) else 0.0
    return ResamplingReport(
        windows=len(windows.actions),
        path_mm=1000 * float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()),
        replay_error_mm=1000 * float(np.linalg.norm(other - path, axis=1).max(initial=0.0)),
        replay_error_deg=float(np.degrees(np.linalg.norm(apart, axis=1).max(initial=0.0))),
        magnitude_ratio=float(new_size / size) if size else 1.0,
    )


def back_to_back(actions: Array, factor: int, *, mode: str = MEAN, gripper: str = LAST) -> Windows:
    """The windows among those at every step that follow each other without overlap."""
    everywhere = resample(actions, factor, mode=mode, gripper=gripper)
    chosen = []
    step = 0
    while step < len(actions):
        chosen.append(step)
        step += int(everywhere.lengths[step])
    return Windows(
        everywhere.actions[chosen], everywhere.starts[chosen], everywhere.lengths[chosen]
    )


def _steps_to_toggle(gripper: Array) -> Array:
    """For each step, how many steps from it on have the same gripper command."""
    ends = np.flatnonzero(np.diff(gripper)) + 1
    ends = np.append(ends, len(gripper))
    steps = np.arange(len(gripper))
    result: Array = ends[np.searchsorted(ends, steps, side="right")] - steps
    return result


def _followed(commands: Array) -> Array:
    """How far the arm follows each command: it lags from the first response to the steady one."""
    motion = np.zeros_like(commands)
    keep = 1 - _FIRST_RESPONSE / _STEADY_RESPONSE
    current = np.zeros(commands.shape[1])
    for step, command in enumerate(commands):
        current = keep * current + _FIRST_RESPONSE * command
        motion[step] = current
    return motion


def _positions(actions: Array) -> Array:
    return np.cumsum(_followed(actions[:, :3]) * METRES_PER_ACTION, axis=0)


def _orientations(actions: Array) -> Array:
    turns = rot.matrix_from_axis_angle(_followed(actions[:, 3:6]) * RADIANS_PER_ACTION)
    for step in range(1, len(turns)):
        turns[step] = turns[step] @ turns[step - 1]
    return turns
