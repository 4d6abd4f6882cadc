"""The hand's pose is in a file three times, and has to be the same."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np
import numpy.typing as npt

from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding

Array = npt.NDArray[Any]

_SAME = 1e-5
_SAME_AS_ROBOT = 5e-3  # metres or radians; the two are read one after the other
# of robot_states: two fingers, position, quaternion x y z w
_POSITION, _QUATERNION = slice(2, 5), slice(5, 9)


def check(file: FileEvidence) -> Iterator[Finding]:
    for demo in file.demos:
        yield from _end_effector(demo)
        yield from _robot(demo)


def turns_as_robot(demo: DemoEvidence) -> bool:
    """`ee_ori` is what robot_states has, or these have none."""
    return all("ee_ori" not in finding.where for finding in _robot(demo))


def _end_effector(demo: DemoEvidence) -> Iterator[Finding]:
    position, orientation = demo.obs("ee_pos"), demo.obs("ee_ori")
    pose = demo.obs("ee_states")
    if position is None or orientation is None or pose is None:
        return
    apart = np.abs(pose - np.concatenate([position, orientation], axis=1))
    if np.isfinite(apart).all() and apart.max() > _SAME:
        detail = f"ee_states is not ee_pos and ee_ori: {apart.max():.4g} apart"
        yield Finding("ee-inconsistent", detail, f"{demo.name}/obs")


def _robot(demo: DemoEvidence) -> Iterator[Finding]:
    robot = demo.arrays.get("robot_states")
    position, orientation = demo.obs("ee_pos"), demo.obs("ee_ori")
    if robot is None or not np.isfinite(robot).all():
        return
    if position is not None and np.isfinite(position).all():
        apart = np.abs(robot[:, _POSITION] - position).max()
        if apart > _SAME_AS_ROBOT:
            detail = f"ee_pos is up to {apart:.3g} m from robot_states"
            yield Finding("pose-contradicts", detail, f"{demo.name}/obs/ee_pos")
    if orientation is not None and np.isfinite(orientation).all():
        turned = _angle_between(_quaternion(orientation), robot[:, _QUATERNION]).max()
        if turned > _SAME_AS_ROBOT:
            detail = f"ee_ori as axis-angle is up to {turned:.3g} rad from robot_states"
            yield Finding("pose-contradicts", detail, f"{demo.name}/obs/ee_ori")


def _quaternion(axis_angle: Array) -> Array:
    angle = np.linalg.norm(axis_angle, axis=1, keepdims=True)
    vector = axis_angle * 0.5 * np.sinc(angle / (2 * np.pi))  # sin(a / 2) / a
    return np.concatenate([vector, np.cos(angle / 2)], axis=1)


def _angle_between(one: Array, other: Array) -> Array:
    """By their distance, which keeps its digits where the cosine has none. robosuite's have been
    float32, and so are not quite of length one."""
    one, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one, other))
    ways = [np.linalg.norm(one - sign * other, axis=1) for sign in (1, -1)]
    angle: Array = 4 * np.arcsin(np.minimum(np.minimum(*ways) / 2, 1.0))
    return angle
