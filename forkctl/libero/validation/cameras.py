"""Which camera a picture is from, and when it was taken.

The camera on the hand sees everything move, the one in front only the arm. Both see most change
when the hand is fastest.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import AGENTVIEW, CAMERAS, EYE_IN_HAND
from forkctl.libero.validation.evidence import DemoEvidence
from forkctl.libero.validation.findings import Finding, of_demos
from forkctl.libero.validation.motion import correlation, speed_of

Array = npt.NDArray[Any]

ROLES = ("cameras-swapped", "camera-twice")
_MIN_STEPS = 30
_NOISE = 12  # levels that a still pixel may differ by
# Share of still pixels. Good demos: in front 0.65 to 0.83, on the hand 0 to 0.33.
_FRONT_STILL, _HAND_STILL = 0.5, 0.5
_FARTHEST = 20
_NEAR = 2  # frames that a picture may seem early or late by
_CLEAR, _CLEARER, _CLEARER_IN_ONE = 0.35, 0.15, 0.25


def check(demos: Sequence[DemoEvidence]) -> Iterator[Finding]:
    """Of demos in which both cameras show something that moves."""
    roles: Dict[str, Dict[str, str]] = {code: {} for code in ROLES}
    in_place: List[DemoEvidence] = []
    for demo in demos:
        code, detail = _role(demo)
        if code:
            roles[code][demo.name] = detail
        else:
            in_place.append(demo)
    for code, details in roles.items():
        yield from of_demos(code, details, len(demos))
    yield from _late(in_place)


def _role(demo: DemoEvidence) -> Tuple[str, str]:
    if demo.image_shapes[AGENTVIEW] == demo.image_shapes[EYE_IN_HAND]:
        apart = np.abs(demo.grids[AGENTVIEW].astype(np.int16) - demo.grids[EYE_IN_HAND])
        if apart.mean() < 2:
            return "camera-twice", "agentview_rgb and eye_in_hand_rgb show the same"
    if not _wanders(demo):
        return "", ""
    front, hand = (_still_share(demo.grids[camera]) for camera in CAMERAS)
    detail = f"{hand:.0%} of eye_in_hand_rgb stands still, {front:.0%} of agentview_rgb"
    if front < _FRONT_STILL and hand > _HAND_STILL:
        return "cameras-swapped", detail
    return "", ""


def _wanders(demo: DemoEvidence) -> bool:
    """Over a length in which the camera on the hand must see everything change."""
    position = demo.obs("ee_pos")
    if position is None or not np.isfinite(position).all() or len(position) < _MIN_STEPS:
        return False
    return bool(np.linalg.norm(np.ptp(position, axis=0)) > 0.1)


def _still_share(grid: Array) -> float:
    """By the green of each pixel, over the middle eight tenths of its levels."""
    levels = np.ascontiguousarray(grid[..., 1].reshape(len(grid), -1).T)
    low, high = len(grid) // 10, len(grid) - 1 - len(grid) // 10
    ordered = np.partition(levels, (low, high), axis=1)
    return float((ordered[:, high] - ordered[:, low] < _NOISE).mean())


def _late(demos: List[DemoEvidence]) -> Iterator[Finding]:
    """Of all demos, each camera; of one demo, where both cameras bear it out."""
    curves: Dict[str, List[Array]] = {}
    for demo in demos:
        speed = speed_of(demo, len(demo.grids[AGENTVIEW]))
        if speed is not None and len(speed) > 2 * _MIN_STEPS and speed.std() > 0:
            changes = [_change(demo.grids[camera]) for camera in CAMERAS]
            curves[demo.name] = [_likeness(change, speed) for change in changes]
    if not curves:
        return
    found = [_lateness(curve, _CLEARER) for curve in np.mean(list(curves.values()), axis=0)]
    for camera, words in zip(CAMERAS, found):
        if words:
            yield Finding("image-late", f"{camera} seems {words} (all demos together)")
    if any(found):
        return
    for name, both in curves.items():
        words = _lateness(np.mean(both, axis=0), _CLEARER_IN_ONE)
        if words:
            yield Finding("image-late", f"its frames seem {words}", name)


def _change(grid: Array) -> Array:
    """How much of the picture changes from each frame to the next."""
    change: Array = np.abs(grid[1:].astype(np.int16) - grid[:-1]).mean(axis=(1, 2, 3))
    return change


def _likeness(change: Array, speed: Array) -> Array:
    """Correlation with the hand's speed, by how many frames the picture is late."""
    values = []
    for lag in range(-_FARTHEST, _FARTHEST + 1):
        seen = change[max(lag, 0) : len(change) + min(lag, 0)]
        made = speed[max(-lag, 0) : len(speed) - max(lag, 0)]
        values.append(correlation(seen, made))
    return np.array(values)


def _lateness(curve: Array, by: float) -> str:
    near = curve[_FARTHEST - _NEAR : _FARTHEST + _NEAR + 1].max()
    lag = int(np.argmax(curve)) - _FARTHEST
    if curve.max() < max(_CLEAR, near + by):
        return ""
    return f"{abs(lag)} frames {'late' if lag > 0 else 'early'}"
