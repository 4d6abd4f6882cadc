"""The simulator's clock, which every state begins with: one step of control is a twentieth of a
second.

Where it is off, the arm's motion is off too, and this is the reason: the checks of motion leave
such demos alone.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding, of_demos

Array = npt.NDArray[Any]

_STEP = 1 / CONTROL_HZ
_EXACT = 2e-3  # seconds; float32 keeps far less of an error
_REGULAR = 0.9
# Metres: what a fast hand makes in a step, and until it stands still when no command comes.
_SETTLES = 0.04


def check(file: FileEvidence) -> Iterator[Finding]:
    demos = [demo for demo in file.demos if not demo.resampled]
    steps = {demo.name: _steps(demo) for demo in demos}
    rates: Dict[str, str] = {}
    jumps: Dict[str, str] = {}
    skipped = 0
    for demo in demos:
        seconds = steps[demo.name]
        if seconds is None or _is_steady(seconds):
            continue
        usual = float(np.median(seconds))
        if _is_other_rate(seconds, usual):
            rates[demo.name] = f"steps are {usual:.3g} s apart: {1 / usual:.3g} Hz"
            continue
        jump = _jump(seconds, _moved(demo, len(seconds)))
        if jump:
            jumps[demo.name] = jump
        else:
            skipped += int(np.round(seconds / _STEP - 1).sum())
    judged = sum(seconds is not None for seconds in steps.values())
    yield from of_demos("rate", rates, judged)
    yield from of_demos("time-jump", jumps, judged)
    if skipped:
        yield Finding("noops-dropped", f"{skipped} steps in which the hand stands still")


def keeps_time(demo: DemoEvidence) -> bool:
    """Every row is one step of control after the last; also said where there is no clock."""
    seconds = _steps(demo)
    if seconds is None or _is_steady(seconds):
        return True
    return not (
        _is_other_rate(seconds, float(np.median(seconds)))
        or _jump(seconds, _moved(demo, len(seconds)))
    )


def _steps(demo: DemoEvidence) -> Optional[Array]:
    """From the second row on: regenerated demos begin with a state of the raw file."""
    states = demo.arrays.get("states")
    if states is None or len(states) < 5 or not np.isfinite(states[:, 0]).all():
        return None
    seconds: Array = np.diff(states[1:, 0])
    return seconds if np.abs(seconds).max() > _EXACT else None  # it may have no clock


def _is_steady(seconds: Array) -> bool:
    return bool((np.abs(seconds - _STEP) < _EXACT).all())


def _is_other_rate(seconds: Array, usual: float) -> bool:
    regular = float((np.abs(seconds - usual) < _EXACT).mean())
    return usual > _EXACT and abs(usual - _STEP) > _EXACT and regular >= _REGULAR


def _moved(demo: DemoEvidence, count: int) -> Array:
    """Metres from each row to the next, for the rows of `_steps`."""
    position = demo.obs("ee_pos")
    if position is None or len(position) != count + 2:
        return np.zeros(count)
    moved: Array = np.linalg.norm(np.diff(position[1:], axis=0), axis=1)
    return moved


def _jump(seconds: Array, moved: Array) -> str:
    """Words, or none where steps are left out only while the hand rests."""
    first = int(np.argmin(seconds))
    if seconds[first] < -_EXACT:
        return f"time goes back by {-seconds[first]:.3g} s after step {first + 1}: joined?"
    if seconds[first] < _STEP - _EXACT:
        return f"step {first + 2} comes {seconds[first]:.3g} s after the one before: repeated?"
    lost = (seconds > _STEP + _EXACT) & (moved > _SETTLES)
    if not lost.any():
        return ""
    first = int(np.argmax(lost))
    return f"{seconds[first]:.3g} s are missing after step {first + 1}, in which the hand moves"
