"""Frames: present, moving, of one size, in the right colours, the right way round.

Which way round follows from physics, not from what a scene looks like: the front camera faces the
robot, so in an upright picture the arm moves up as the hand rises, down as it reaches out, and to
the right as it goes to the robot's left. LIBERO's stored pictures are flipped top to bottom.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import AGENTVIEW, CAMERAS
from forkctl.libero.validation import cameras
from forkctl.libero.validation.clock import keeps_time
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding, of_demos
from forkctl.libero.validation.motion import speed_of

Array = npt.NDArray[Any]

_USUAL_SIZES = (128, 256)
_FLAT = 2  # levels between the darkest and the brightest pixel
_CHANGED = 8  # levels by which a pixel must change to count
_MOVES = 0.002  # metres per step
_MIN_STEPS = 30
_FROZEN_SHARE = 0.5
# Good demos: 198 to 230 of 255, and 16 to 72 levels between the colours of a pixel.
_DARK, _GREY = 110, 3.0
_BLUE = 8.0  # levels by which blue must outshine red
_EXPLAINED = 0.35  # of the arm's way through the picture; with less, nothing is said
_UNANIMOUS = 0.4  # reaching out and going down may disagree a little, not contradict each other


def check(file: FileEvidence) -> Iterator[Finding]:
    yield from _sizes(file)
    alive: List[DemoEvidence] = []
    for demo in file.demos:
        found = [finding for camera in CAMERAS for finding in _picture(demo, camera)]
        yield from found
        if not found and set(demo.grids) == set(CAMERAS):
            alive.append(demo)
    misplaced = list(cameras.check(alive))
    yield from misplaced
    if not any(finding.code in cameras.ROLES and not finding.where for finding in misplaced):
        elsewhere = {finding.where for finding in misplaced if finding.code in cameras.ROLES}
        front = [demo for demo in alive if demo.name not in elsewhere]
        yield from _light(front)
        yield from _colours(front)
        yield from _orientation(front)


def _sizes(file: FileEvidence) -> Iterator[Finding]:
    sizes: Dict[Tuple[int, ...], str] = {}
    for demo in file.demos:
        for camera, shape in demo.image_shapes.items():
            sizes.setdefault(shape, f"{demo.name}/obs/{camera}")
    if len(sizes) > 1:
        listed = ", ".join(f"{h}x{w}" for h, w in sorted(sizes))
        yield Finding("image-size-mixed", f"{listed} in one file", list(sizes.values())[-1])
    elif sizes:
        height, width = next(iter(sizes))
        if height != width or height not in _USUAL_SIZES:
            yield Finding("image-size", f"{height}x{width}")


def _picture(demo: DemoEvidence, camera: str) -> Iterator[Finding]:
    grid = demo.grids.get(camera)
    if grid is None:
        return
    where = f"{demo.name}/obs/{camera}"
    if grid.max() == 1:
        yield Finding("image-range", "no value over 1 of 255", where)
        return
    flat = np.flatnonzero(np.ptp(grid.reshape(len(grid), -1), axis=1) <= _FLAT)
    if len(flat):
        yield Finding("image-blank", f"{len(flat)} of {len(grid)} frames, first {flat[0]}", where)
        return
    speed = speed_of(demo, len(grid))
    if speed is None:
        return
    same = (grid[1:] == grid[:-1]).reshape(len(grid) - 1, -1).all(axis=1)
    moving = speed > _MOVES
    if moving.sum() >= 5 and same[moving].mean() > _FROZEN_SHARE:
        detail = f"{same[moving].mean():.0%} of the frames repeat while the arm moves"
        yield Finding("image-frozen", detail, where)


def _light(demos: List[DemoEvidence]) -> Iterator[Finding]:
    for camera in CAMERAS:
        dark: Dict[str, str] = {}
        grey: Dict[str, str] = {}
        for demo in demos:
            grid = demo.grids[camera]
            brightest = float(np.percentile(grid[::8], 99))
            if brightest < _DARK:
                dark[demo.name] = f"{camera}: 99 % of the levels are under {brightest:.0f} of 255"
            elif np.ptp(grid[::8], axis=-1).mean() < _GREY:
                grey[demo.name] = f"{camera}: red, green and blue are the same"
        yield from of_demos("image-dark", dark, len(demos))
        yield from of_demos("image-grey", grey, len(demos))


def _colours(demos: List[DemoEvidence]) -> Iterator[Finding]:
    """LIBERO's tables, floors and lights are warm: red outshines blue in every arena."""
    blue = {}
    for demo in demos:
        means = demo.grids[AGENTVIEW].mean(axis=(0, 1, 2))
        if means[2] - means[0] > _BLUE:
            blue[demo.name] = f"blue outshines red by {means[2] - means[0]:.0f} levels"
    yield from of_demos("image-bgr", blue, len(demos))


def _orientation(demos: List[DemoEvidence]) -> Iterator[Finding]:
    """Of all demos together; of each, where it contradicts them."""
    wrong = _turned(*_turns(demos))
    if wrong:
        yield Finding("image-orientation", wrong)
        return
    for demo in demos:
        wrong = _turned(*_turns([demo]))
        if wrong:
            yield Finding("image-orientation", wrong, demo.name)


def _turned(rows: Optional[float], columns: Optional[float]) -> str:
    if rows is None or columns is None:
        return ""
    upright, mirrored = rows > 0, columns < 0
    if upright and mirrored:
        return "rotated by 180 degrees from LIBERO's files (rot180)"
    if upright:
        return "upright: flipped top to bottom (upright)"
    return "left and right are swapped (mirrored)" if mirrored else ""


def _turns(demos: List[DemoEvidence]) -> Tuple[Optional[float], Optional[float]]:
    """How well the arm goes down, and to the right, as the hand does; None where it is unclear."""
    tracks = [track for track in map(_track, demos) if track is not None]
    if not tracks or sum(len(track) for track in tracks) < _MIN_STEPS:
        return None, None
    row, column, x, y, z = np.concatenate(tracks).T
    # In an upright picture of the robot's front: down with +x and -z, to the right with +y.
    return _agreement(row, np.stack([x, -z])), _agreement(column, y[None])


def _track(demo: DemoEvidence) -> Optional[Array]:
    """(T, 5): where the arm is in the picture, and where the hand is, each minus its mean."""
    grid, position = demo.grids[AGENTVIEW], demo.obs("ee_pos")
    if position is None or len(position) != len(grid) or not np.isfinite(position).all():
        return None
    if not keeps_time(demo):
        return None
    grey = grid.mean(axis=-1)
    moved = np.abs(grey - np.median(grey, axis=0)) > 2 * _CHANGED
    mass = moved.sum(axis=(1, 2))
    seen = mass >= 3
    if seen.sum() < _MIN_STEPS // 3:
        return None
    down = (moved.sum(axis=2) @ np.arange(grid.shape[1]))[seen] / mass[seen]
    right = (moved.sum(axis=1) @ np.arange(grid.shape[2]))[seen] / mass[seen]
    track = np.column_stack([down, right, position[seen]])
    centred: Array = track - track.mean(axis=0)
    return centred


def _agreement(seen: Array, causes: Array) -> Optional[float]:
    """From -1 to 1: how far the causes move what is seen in their own direction. None where they
    do not explain it."""
    if seen.std() < 1e-6:
        return None
    weights, *_ = np.linalg.lstsq(causes.T, seen, rcond=None)
    explained = 1.0 - float((seen - weights @ causes).var() / seen.var())
    shares = weights * causes.std(axis=1)
    if explained < _EXPLAINED or not np.abs(shares).sum() > 0:
        return None
    agreement = float(shares.sum() / np.abs(shares).sum())
    return agreement if abs(agreement) >= _UNANIMOUS else None
