from __future__ import annotations

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.families.rdt.vectors import REPRESENTATIONS, RdtLayout
from forkctl.libero.units.conventions import Pose
from forkctl.libero.units.rotations import axis_angle_from_matrix, matrix_from_axis_angle

LAYOUTS = [
    RdtLayout(name, joints, (-0.66, 0.0, 0.9))
    for name in REPRESENTATIONS
    for joints in (True, False)
]


def observations(steps: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    fingers = rng.uniform(0, 0.04, (steps, 1))
    return {
        "joint_states": rng.normal(size=(steps, 7)),
        "ee_pos": rng.uniform(-0.3, 1.1, (steps, 3)),
        "ee_ori": rng.normal(size=(steps, 3)),
        "gripper_states": np.concatenate([fingers, -fingers], axis=1),
    }


def some_actions(steps: int) -> np.ndarray:
    actions = np.random.default_rng(1).uniform(-1, 1, (steps, 7))
    actions[:, 6] = np.sign(actions[:, 6])
    return actions


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_one_mask_serves_state_and_action(layout: RdtLayout) -> None:
    obs = observations(9)
    mask = layout.mask().astype(bool)
    for vectors in (layout.states(obs), layout.actions(some_actions(9), obs)):
        assert vectors.shape == (9, 128)
        assert not vectors[:, ~mask].any()
        assert (np.abs(vectors[:, mask]).max(axis=0) > 0).all(), "and every slot of it is filled"
    assert mask.sum() == len(layout.action_dims) == len(layout.units())
    assert sorted(item.slot or 0 for item in layout.state_dims) == sorted(layout.slots)


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_libero_to_the_vector_and_back(layout: RdtLayout) -> None:
    obs, actions = observations(40), some_actions(40)
    vectors = layout.actions(actions, obs)
    back = layout.to_libero(vectors, Pose(obs["ee_pos"], obs["ee_ori"]))
    np.testing.assert_allclose(back, actions, atol=1e-6, rtol=0)


def test_a_position_is_given_from_the_base_of_the_robot() -> None:
    layout, obs = LAYOUTS[-1], observations(3)
    at_rest = np.zeros((3, 7))
    expected = obs["ee_pos"] + [0.66, 0, -0.9]
    np.testing.assert_allclose(layout.states(obs)[:, 30:33], expected)
    np.testing.assert_allclose(layout.actions(at_rest, obs)[:, 30:33], expected)


def test_the_velocity_of_the_state_is_what_the_command_would_be() -> None:
    """An arm that follows its commands exactly has the commanded velocity."""
    layout = RdtLayout("velocity")
    action = np.array([0.3, -0.2, 0.1, 0.2, -0.3, 0.4, 1.0])
    rotation = matrix_from_axis_angle(np.array([2.0, 0.5, -0.3]))
    rows = [(np.array([0.1, 0.2, 0.3]), rotation)]
    for _ in range(2):
        position, rotation = rows[-1]
        turn = matrix_from_axis_angle(action[3:6] * 0.5)
        rows.append((position + action[:3] * 0.05, turn @ rotation))
    obs = {
        "joint_states": np.zeros((3, 7)),
        "ee_pos": np.stack([position for position, _ in rows]),
        "ee_ori": axis_angle_from_matrix(np.stack([rotation for _, rotation in rows])),
        "gripper_states": np.zeros((3, 2)),
    }
    states = layout.states(obs)
    commanded = layout.actions(action[None], obs)
    np.testing.assert_allclose(states[0], 0)
    np.testing.assert_allclose(states[1:], np.repeat(commanded, 2, axis=0), atol=1e-9)


def test_joints_of_an_action_are_those_it_leads_to() -> None:
    layout, obs = RdtLayout("delta", joints=True), observations(5)
    actions = some_actions(5)
    np.testing.assert_array_equal(layout.actions(actions[:4], obs)[:, :7], obs["joint_states"][1:])
    last = layout.actions(actions, obs)[-1, :7]
    np.testing.assert_array_equal(last, obs["joint_states"][-1], "the last one has no successor")


def test_an_unknown_representation() -> None:
    with pytest.raises(ForkctlError, match="delta, velocity, absolute"):
        RdtLayout("normalised")


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_what_is_executed_is_what_the_demonstrator_did(layout: RdtLayout) -> None:
    """By whoever knows the convention and the pose in LIBERO's frame, and nothing of RDT."""
    obs, actions = observations(9), some_actions(9)
    executed = layout.executed(layout.actions(actions, obs))
    pose = Pose(obs["ee_pos"], obs["ee_ori"])
    np.testing.assert_allclose(layout.convention.decode(executed, pose), actions, atol=1e-6)


@pytest.mark.parametrize("representation", ["delta", "velocity"])
def test_a_tiny_turn_is_executed_as_none(representation: str) -> None:
    layout = RdtLayout(representation)
    actions = np.zeros((3, 7))
    actions[:, 3] = [0.0009, 0.00107, -0.0005]
    values = layout.executed(layout.actions(actions, observations(3)))
    turns = layout.convention.decode(values, None)[:, 3]
    assert turns[0] == turns[2] == 0
    assert turns[1] == pytest.approx(0.00107)


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_errors_are_in_physical_units(layout: RdtLayout) -> None:
    """One number is made wrong, and that number's error says by how much."""
    obs, actions = observations(4), some_actions(4)
    truth = layout.actions(actions, obs)
    names = [name for name, _ in layout.error_names]
    assert len(set(names)) == len(names) == (7 if not layout.joints else 14)
    np.testing.assert_allclose(layout.errors(truth, truth), 0, atol=1e-9)
    for number, (at, unit) in enumerate([(names[-7], 0.05), (names[-4], 0.5), (names[-1], 0.5)]):
        wrong = actions.copy()
        wrong[:, 3 * number] += 0.1
        if number == 1:  # about an axis of the base, on top of what is there
            wrong[:, 3:6] = actions[:, 3:6] = [0.2, 0, 0]
            wrong[:, 3] += 0.1
        apart = layout.errors(layout.actions(wrong, obs), layout.actions(actions, obs))
        expected = 0.1 * unit * (20 if layout.representation == "velocity" and number < 2 else 1)
        sign = -1 if number == 2 else 1  # the gripper is 1 where LIBERO's is -1
        np.testing.assert_allclose(apart[:, names.index(at)], sign * expected, atol=1e-9)
