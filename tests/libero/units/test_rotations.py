from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkctl.libero.units import rotations as rot

components = st.floats(-1.8, 1.8, allow_nan=False)
vectors = st.tuples(components, components, components).map(np.array)


@settings(deadline=None)
@given(vectors)
def test_matrices_are_those_of_an_independent_implementation(vector: np.ndarray) -> None:
    np.testing.assert_allclose(
        rot.matrix_from_axis_angle(vector), cv2.Rodrigues(vector)[0], atol=1e-12
    )


@settings(deadline=None)
@given(vectors.filter(lambda v: np.linalg.norm(v) < 3.1))
def test_axis_angle_comes_back(vector: np.ndarray) -> None:
    back = rot.axis_angle_from_matrix(rot.matrix_from_axis_angle(vector))
    np.testing.assert_allclose(back, vector, atol=1e-12)


@pytest.mark.parametrize("angle", [0, 1e-300, 1e-12, 1e-9, 1e-5, np.pi - 1e-9, np.pi])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, -1, 0), (0.6, 0, -0.8), (2 / 3, -1 / 3, 2 / 3)])
def test_accurate_at_both_ends(angle: float, axis: tuple[float, float, float]) -> None:
    vector = angle * np.array(axis)
    matrix = rot.matrix_from_axis_angle(vector)
    back = rot.axis_angle_from_matrix(matrix)
    assert np.linalg.norm(back) == pytest.approx(angle, rel=1e-8, abs=1e-15)
    np.testing.assert_allclose(rot.matrix_from_axis_angle(back), matrix, atol=1e-9)


def test_angles_beyond_pi_are_the_same_rotation() -> None:
    """LIBERO's ee_ori reaches 2 pi."""
    vector = np.array([0.0, 5.5, 0.0])
    back = rot.axis_angle_from_matrix(rot.matrix_from_axis_angle(vector))
    np.testing.assert_allclose(back, [0, 5.5 - 2 * np.pi, 0], atol=1e-12)


def test_six_numbers_of_a_small_turn() -> None:
    x, y, z = 1e-5, 2e-5, 3e-5
    sixd = rot.sixd_from_matrix(rot.matrix_from_axis_angle(np.array([x, y, z])))
    np.testing.assert_allclose(sixd, [1, z, -y, -z, 1, x], atol=1e-8)


@settings(deadline=None)
@given(vectors, st.floats(0.6, 3), st.floats(0.6, 3), st.floats(-0.2, 0.2))
def test_six_numbers_need_not_be_orthonormal(
    vector: np.ndarray, first: float, second: float, lean: float
) -> None:
    matrix = rot.matrix_from_axis_angle(vector)
    x, y = matrix[:, 0], matrix[:, 1]
    sixd = np.concatenate([first * x, second * y + lean * x])
    np.testing.assert_allclose(rot.matrix_from_sixd(sixd), matrix, atol=1e-9)


@pytest.mark.parametrize(
    "sixd",
    [(0.4, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0.4, 0), (0,) * 6, (1, 0, 0, 1, 0, 0)],
)
def test_six_numbers_without_a_rotation_in_them_are_the_identity(sixd: tuple[float, ...]) -> None:
    batch = np.array([sixd, (0, 1, 0, -1, 0, 0)])
    matrices = rot.matrix_from_sixd(batch)
    np.testing.assert_array_equal(matrices[0], np.eye(3))
    np.testing.assert_allclose(matrices[1] @ [1, 0, 0], [0, 1, 0])


def test_any_leading_shape() -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 3, 4, 3))
    matrices = rot.matrix_from_axis_angle(vectors)
    assert matrices.shape == (2, 3, 4, 3, 3)
    np.testing.assert_array_equal(matrices[1, 2, 3], rot.matrix_from_axis_angle(vectors[1, 2, 3]))
    assert rot.sixd_from_matrix(matrices).shape == (2, 3, 4, 6)
    assert rot.matrix_from_axis_angle(np.zeros((0, 3))).shape == (0, 3, 3)
    assert rot.axis_angle_from_matrix(np.zeros((0, 3, 3))).shape == (0, 3)


def worst_euler_error(largest: float) -> float:
    """Degrees between a command as axis-angle, and the same three numbers read as angles about
    fixed axes, over the cube of commands up to `largest` (in controller units)."""
    commands = np.array(list(itertools.product(np.linspace(-1, 1, 9), repeat=3))) * largest
    turns = commands * 0.5  # radians
    meant = rot.matrix_from_axis_angle(turns)
    roll, pitch, yaw = (
        rot.matrix_from_axis_angle(np.where(np.arange(3) == axis, turns, 0.0)) for axis in range(3)
    )
    apart = rot.axis_angle_from_matrix(np.swapaxes(meant, -1, -2) @ (yaw @ pitch @ roll))
    return float(np.degrees(np.linalg.norm(apart, axis=-1)).max())


def test_how_far_an_euler_reading_of_rotations_errs() -> None:
    assert worst_euler_error(1.0) == pytest.approx(12.7, abs=0.1), "at full scale"
    assert worst_euler_error(0.375) == pytest.approx(1.8, abs=0.1), "at what the data holds"
