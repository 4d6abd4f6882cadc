"""Does the arm answer the commands? Which one, along which axis, which way, and how far.

The controller's goal is a command away from where the hand is, so that a step adds a tenth of the
command to the motion that is left of the step before. `effect` is what was added: it answers one
command, and the share of it hardly differs between hands, tasks and suites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.libero import alignment as align
from forkctl.libero.units.dimensions import METRES_PER_ACTION, RADIANS_PER_ACTION
from forkctl.libero.units.rotations import matrix_from_axis_angle
from forkctl.libero.validation.clock import keeps_time
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence, alignment_of
from forkctl.libero.validation.findings import Finding, of_demos
from forkctl.libero.validation.motion import correlation
from forkctl.libero.validation.numbers import AXES, in_metres, usable_actions
from forkctl.libero.validation.pose import turns_as_robot

Array = npt.NDArray[Any]

_MIN_STEPS = 40
_KEPT = 0.6  # of the motion of one step is left in the next
_JUMP = 0.06  # metres in a step; the hand makes 20 mm at most
# The motion from one observation to the next answers the action recorded with the first of them, or
# with the second where observations come after actions.
_ANSWERED = {align.RAW: 1, align.ALIGNED: 0}
_FARTHEST = 12
# Good demos: position 0.8 to 0.96, and 0.05 to 0.2 less one step away.
_CLEAR, _CLEARER = 0.6, 0.04
# Standard deviation of a command worth judging, at least, and as a share of the largest.
_MOVES, _MOVES_BESIDE = 0.01, 0.4
# What a step adds, as a share of the command. Good demos: position 0.06 to 0.14, rotation 0.04 to
# 0.15 along one axis and 0.06 to 0.13 together, along another axis than the command's under 0.05.
_SHARE = {"position": (0.04, 0.17), "rotation": (0.025, 0.145)}
_SOMETHING, _RELATED = 0.04, 0.3
_CERTAIN = 5.0  # standard errors


@dataclass(frozen=True)
class _Series:
    """Commands, and the motion from each observation to the next in the same unit."""

    kind: str
    axes: Tuple[str, ...]
    command: Array  # (T, 3)
    motion: Array  # (T - 1, 3)

    @property
    def effect(self) -> Array:
        effect: Array = self.motion.copy()
        effect[1:] -= _KEPT * self.motion[:-1]
        return effect

    def moves(self, axis: int) -> bool:
        spread = self.command.std(axis=0)
        return bool(spread[axis] > max(_MOVES, _MOVES_BESIDE * float(spread.max())))


def check(file: FileEvidence) -> Iterator[Finding]:
    alignment = alignment_of(file)
    actions = usable_actions(file)
    verdicts: Dict[str, Dict[str, str]] = {}
    judged = 0
    for demo in file.demos:
        series = _series(demo)
        if not series:
            continue
        judged += 1
        for code, detail in _verdict(series, alignment):
            verdicts.setdefault(code, {})[demo.name] = detail
    if actions is not None and in_metres(actions):
        verdicts.pop("action-scale", None)  # said with its cause
    for code, details in verdicts.items():
        yield from of_demos(code, details, judged)


def _series(demo: DemoEvidence) -> List[_Series]:
    actions, position, turned = demo.actions, demo.obs("ee_pos"), demo.obs("ee_ori")
    if actions is None or position is None or len(position) <= _MIN_STEPS or demo.resampled:
        return []
    motion = np.diff(position, axis=0)
    if not (np.isfinite(motion).all() and np.isfinite(actions).all() and keeps_time(demo)):
        return []
    if np.linalg.norm(motion, axis=1).max() > _JUMP:
        return []
    series = [_Series("position", AXES[:3], actions[:, :3], motion / METRES_PER_ACTION)]
    if turned is not None and np.isfinite(turned).all() and turns_as_robot(demo):
        turns = _turns(turned) / RADIANS_PER_ACTION
        series.append(_Series("rotation", AXES[3:6], actions[:, 3:6], turns))
    return series


def _turns(orientation: Array) -> Array:
    """The rotation from each orientation to the next, in the base frame: small, so that its axis
    times the sine of its angle will do."""
    matrices = matrix_from_axis_angle(orientation)
    steps = matrices[1:] @ np.swapaxes(matrices[:-1], 1, 2)
    skew = steps - np.swapaxes(steps, 1, 2)
    turns: Array = 0.5 * np.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=1)
    return turns


def _verdict(series: List[_Series], alignment: Optional[str]) -> Iterator[Tuple[str, str]]:
    """The first cause that explains what is wrong; its consequences are not told again."""
    expected = (_ANSWERED[alignment],) if alignment else tuple(_ANSWERED.values())
    lags = {lag: _likeness(series[0], lag) for lag in range(-_FARTHEST, _FARTHEST + 1)}
    usual = max(expected, key=lambda lag: lags[lag])
    best = max(lags, key=lambda lag: lags[lag])
    if best not in expected and lags[best] > max(_CLEAR, lags[usual] + _CLEARER):
        away = best - usual
        detail = f"the motion answers the action {abs(away)} steps "
        detail += f"{'later' if away > 0 else 'earlier'} (correlation {lags[best]:.2f}, "
        yield "action-shifted", detail + f"in its place {lags[usual]:.2f})"
        return
    for each in series:
        yield from _answers(each, usual)


def _pairs(series: _Series, motion: Array, lag: int) -> Tuple[Array, Array]:
    """Commands and the motion that begins `-lag` rows later."""
    rows = np.arange(max(0, -lag), min(len(motion), len(series.command) - lag))
    return series.command[rows + lag], motion[rows]


def _likeness(series: _Series, lag: int) -> float:
    """Mean correlation of the axes that move, whatever their sign."""
    command, effect = _pairs(series, series.effect, lag)
    values = [
        abs(correlation(command[:, axis], effect[:, axis]))
        for axis in range(3)
        if series.moves(axis)
    ]
    return float(np.mean(values)) if values and len(command) > _MIN_STEPS // 2 else 0.0


def _answers(series: _Series, lag: int) -> Iterator[Tuple[str, str]]:
    """What of each command is added to the motion along each axis, by least squares."""
    command, effect = _pairs(series, series.effect, lag)
    moving = [axis for axis in range(3) if series.moves(axis)]
    if not moving or np.linalg.matrix_rank(command) < 3:
        return
    shares = np.linalg.lstsq(command, effect, rcond=None)[0]  # command x motion
    errors = _standard_errors(command, effect - command @ shares)
    right = []
    for axis in moving:
        own, name = float(shares[axis, axis]), series.axes[axis]
        certain = np.abs(shares[axis]) > np.maximum(_SOMETHING, _CERTAIN * errors[axis])
        strongest = int(np.argmax(np.where(certain, np.abs(shares[axis]), 0.0)))
        if certain[strongest] and abs(shares[axis, strongest]) > 2 * abs(own):
            yield "action-swapped", f"a command for {name} moves {series.axes[strongest]}"
        elif certain[axis] and own < 0:
            yield "action-inverted", f"{name}: the hand moves against the command ({own:.2f} of it)"
        elif series.kind == "position" and own < _SOMETHING and not _alike(command, effect, axis):
            yield "action-unrelated", f"{name}: the hand follows {own:.2f} of the command in a step"
        else:
            right.append(axis)
    if right != moving:
        return
    weights = command[:, moving].var(axis=0)
    share = float((shares[moving, moving] * weights).sum() / weights.sum())
    low, high = _SHARE[series.kind]
    if not low <= share <= high:
        detail = f"{series.kind}: a step makes {share:.2f} of the command"
        yield "action-scale", f"{detail}, where {low:.2f} to {high:.2f} is usual"


def _alike(command: Array, effect: Array, axis: int) -> bool:
    return correlation(command[:, axis], effect[:, axis]) > _RELATED


def _standard_errors(command: Array, rest: Array) -> Array:
    spread = np.diag(np.linalg.inv(command.T @ command))
    errors: Array = np.sqrt(np.outer(spread, rest.var(axis=0)))
    return errors
