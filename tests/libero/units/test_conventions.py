from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forkctl.families.rdt import units
from forkctl.families.rdt.units import state as rdt_state
from forkctl.families.rdt.units import to_vector
from forkctl.families.registry import conventions
from forkctl.libero.units import dimensions as dims
from forkctl.libero.units.conventions import Pose, libero_state
from forkctl.libero.units.rotations import matrix_from_axis_angle, matrix_from_sixd

CONVENTIONS = conventions()

shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)


@st.composite
def actions_and_poses(draw: st.DrawFn) -> tuple[np.ndarray, Pose]:
    shape = draw(shapes)

    def numbers(width: int, size: float) -> np.ndarray:
        elements = st.floats(-size, size, width=64)
        return draw(hnp.arrays(np.float64, (*shape, width), elements=elements))

    actions = numbers(7, 1)
    actions[..., 6] = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([-1.0, 1.0])))
    return actions, Pose(numbers(3, 2), numbers(3, 3.6))


@pytest.mark.parametrize("name", CONVENTIONS)
@settings(deadline=None)
@given(case=actions_and_poses())
def test_round_trips(name: str, case: tuple[np.ndarray, Pose]) -> None:
    actions, pose = case
    convention = CONVENTIONS[name]
    encoded = convention.encode(actions, pose)
    assert encoded.shape == (*actions.shape[:-1], len(convention.dims))
    np.testing.assert_allclose(convention.decode(encoded, pose), actions, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_round_trips_from_single_precision(name: str) -> None:
    """What a network returns is float32; the arm must not notice."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (50, 7))
    actions[:, 6] = np.sign(actions[:, 6])
    pose = Pose(rng.uniform(-0.3, 0.3, (50, 3)), rng.normal(size=(50, 3)))
    encoded = CONVENTIONS[name].encode(actions, pose).astype(np.float32)
    np.testing.assert_allclose(CONVENTIONS[name].decode(encoded, pose), actions, atol=2e-6)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_values_stay_within_the_stated_range_and_the_input_untouched(name: str) -> None:
    convention = CONVENTIONS[name]
    actions = np.random.default_rng(0).uniform(-1, 1, (500, 7))
    actions[:, 6] = np.sign(actions[:, 6])
    before = actions.copy()
    encoded = convention.encode(actions, Pose(np.zeros((500, 3)), np.zeros((500, 3))))
    np.testing.assert_array_equal(actions, before)
    assert (encoded >= [dimension.low for dimension in convention.dims]).all()
    assert (encoded <= [dimension.high for dimension in convention.dims]).all()
    assert len({dimension.name for dimension in convention.dims}) == len(convention.dims)


OPEN, CLOSE = -1.0, 1.0


@pytest.mark.parametrize(
    ("name", "opened", "closed"),
    [
        ("libero", -1, 1),
        ("robomimic", -1, 1),
        ("openvla", 1, 0),
        ("rdt-delta", 1, 0),
        ("rdt-velocity", 1, 0),
        ("rdt-absolute", 1, 0),
    ],
)
def test_which_way_the_gripper_goes(name: str, opened: float, closed: float) -> None:
    pose = Pose(np.zeros((2, 3)), np.zeros((2, 3)))
    actions = np.zeros((2, 7))
    actions[:, 6] = OPEN, CLOSE
    assert CONVENTIONS[name].encode(actions, pose)[:, -1].tolist() == [opened, closed]


def test_openvla_clips_the_gripper_as_its_own_transform_does() -> None:
    actions = np.zeros((3, 7))
    actions[:, 6] = -0.3, 0.25, 1.7
    assert CONVENTIONS["openvla"].encode(actions, None)[:, 6].tolist() == [1, 0.75, 0]


def test_units_of_the_rdt_conventions() -> None:
    action = np.array([1, 0, -0.5, 0, 0, 0.4, OPEN])
    delta = CONVENTIONS["rdt-delta"].encode(action, None)
    np.testing.assert_allclose(delta[:3], [0.05, 0, -0.025])
    turn = matrix_from_axis_angle(np.array([0, 0, 0.2]))
    np.testing.assert_allclose(matrix_from_sixd(delta[3:9]), turn)
    velocity = CONVENTIONS["rdt-velocity"].encode(action, None)
    np.testing.assert_allclose(velocity, [1, 0, -0.5, 0, 0, 4, 1], atol=1e-12)


def test_an_absolute_target_turns_in_the_base_frame() -> None:
    """exp(d) R, not R exp(d): with the hand rotated they differ."""
    orientation = np.array([np.pi / 2, 0, 0])
    action = np.array([0.2, 0.4, 0, 0, 0, 0.5, CLOSE])
    pose = Pose(np.array([0.1, 0.2, 0.3]), orientation)
    target = CONVENTIONS["rdt-absolute"].encode(action, pose)
    np.testing.assert_allclose(target[:3], [0.11, 0.22, 0.3])
    about_z = matrix_from_axis_angle(np.array([0, 0, 0.25]))
    current = matrix_from_axis_angle(orientation)
    np.testing.assert_allclose(matrix_from_sixd(target[3:9]), about_z @ current, atol=1e-12)
    assert np.abs(matrix_from_sixd(target[3:9]) - current @ about_z).max() > 0.1


def test_an_absolute_target_without_a_pose_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="pose"):
        CONVENTIONS["rdt-absolute"].encode(np.zeros(7), None)


def test_states() -> None:
    joints, position, orientation = np.arange(7.0), np.array([1.0, 2, 3]), np.zeros(3)
    fingers = np.array([0.03, -0.03])
    assert libero_state(position, orientation, fingers).tolist() == [1, 2, 3, 0, 0, 0, 0.03, -0.03]
    state = rdt_state(joints, position, orientation, fingers)
    np.testing.assert_allclose(state, [*range(7), 1, 2, 3, 1, 0, 0, 0, 1, 0, 0.75])
    wide = rdt_state(joints, position, orientation, np.array([0.05, -0.05]))
    assert wide[-1] == 1
    assert len(units.STATE.dims) == 17
    assert len(dims.LIBERO_STATE) == 8


def test_the_128_vector_is_zero_elsewhere() -> None:
    values = np.arange(1.0, 11).repeat(2).reshape(10, 2).T
    vector = to_vector(values, units.DELTA_ACTION)
    assert vector.shape == (2, 128)
    assert vector[:, 30:39].tolist() == values[:, :9].tolist()
    assert vector[:, 10].tolist() == [10, 10]
    assert np.count_nonzero(vector) == 20
