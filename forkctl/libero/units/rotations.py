"""Rotations as axis-angle, matrix and 6D, for arrays of any leading shape.

LIBERO's rotation actions are axis-angle, in the base frame. Reading them as roll, pitch, yaw errs
by up to 12.7 degrees at full scale, and by 1.8 at the largest rotations of the published data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# A predicted 6D column shorter than this has no meaningful direction.
_SHORT_COLUMN = 0.5


def matrix_from_axis_angle(axis_angle: Array) -> Array:
    """(..., 3) -> (..., 3, 3), by Rodrigues' formula."""
    vector = np.asarray(axis_angle, dtype=np.float64)
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    cross = _cross_matrix(vector)
    # sin(a)/a and (1 - cos(a))/a^2; np.sinc is exact at zero.
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    matrix: Array = np.eye(3) + first * cross + second * (cross @ cross)
    return matrix


def axis_angle_from_matrix(matrix: Array) -> Array:
    """(..., 3, 3) -> (..., 3), with an angle in [0, pi]; accurate at both ends."""
    quaternion = _quaternion_from_matrix(np.asarray(matrix, dtype=np.float64))
    scalar, vector = quaternion[..., :1], quaternion[..., 1:]
    sign = np.where(scalar < 0, -1.0, 1.0)
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, np.abs(scalar))
    # angle / length tends to 2 for small rotations.
    ratio = np.divide(angle, length, out=np.full_like(length, 2.0), where=length > 1e-12)
    result: Array = sign * ratio * vector
    return result


def sixd_from_matrix(matrix: Array) -> Array:
    """The first two columns, one after the other: (..., 3, 3) -> (..., 6)."""
    result: Array = np.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)
    return result


def matrix_from_sixd(sixd: Array) -> Array:
    """(..., 6) -> (..., 3, 3) by Gram-Schmidt.

    Where a column is too short, or the two are parallel, there is no rotation in the numbers, and
    the identity is the harmless reading.
    """
    values = np.asarray(sixd, dtype=np.float64)
    first, second = values[..., :3], values[..., 3:]
    first_length = np.linalg.norm(first, axis=-1, keepdims=True)
    x = first / np.maximum(first_length, _SHORT_COLUMN)
    rest = second - np.sum(x * second, axis=-1, keepdims=True) * x
    second_length = np.linalg.norm(second, axis=-1, keepdims=True)
    rest_length = np.linalg.norm(rest, axis=-1, keepdims=True)
    y = rest / np.maximum(rest_length, 1e-6)
    matrix = np.stack([x, y, np.cross(x, y)], axis=-1)
    usable = (
        (first_length >= _SHORT_COLUMN) & (second_length >= _SHORT_COLUMN) & (rest_length > 1e-6)
    )
    result: Array = np.where(usable[..., None], matrix, np.eye(3))
    return result


def _cross_matrix(vector: Array) -> Array:
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    result: Array = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    return result


def _quaternion_from_matrix(m: Array) -> Array:
    """(w, x, y, z) by Shepperd's method: of four forms take the one that divides by the largest."""
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], -1)
    wx, wy, wz = (
        m[..., 2, 1] - m[..., 1, 2],
        m[..., 0, 2] - m[..., 2, 0],
        m[..., 1, 0] - m[..., 0, 1],
    )
    xy, xz, yz = (
        m[..., 0, 1] + m[..., 1, 0],
        m[..., 0, 2] + m[..., 2, 0],
        m[..., 1, 2] + m[..., 2, 1],
    )
    forms = np.stack(
        [
            np.stack([squares[..., 0], wx, wy, wz], -1),
            np.stack([wx, squares[..., 1], xy, xz], -1),
            np.stack([wy, xy, squares[..., 2], yz], -1),
            np.stack([wz, xz, yz, squares[..., 3]], -1),
        ],
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)[..., None, None]
    chosen = np.take_along_axis(forms, best, axis=-2)[..., 0, :]
    result: Array = chosen / np.linalg.norm(chosen, axis=-1, keepdims=True)
    return result
