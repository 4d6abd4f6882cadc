"""One episode, in a world that runs in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.policy import Conventions, Prediction
from forkctl.evaluation.rollouts.playing import BadAction, Limits, play
from forkctl.evaluation.rollouts.trials import Start, Trial
from forkctl.families.registry import conventions
from forkctl.libero.units.conventions import Pose
from tests.evaluation.rollouts import point_world

CONVENTIONS = conventions()

TRIAL = Trial("pick_it_up", 0, Start(init_state=3), seed=5)
AT_REST = [0.0] * 6 + [-1.0]


class Here:
    """PointWorld, without the process. Writes down what it was asked to show and to do."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.world = point_world.open_world(TRIAL.task, {})
        self.shown: list[tuple[str, ...]] = []
        self.actions: list[np.ndarray] = []

    def open(self, task, frames):
        pass

    def reset(self, trial, keys):
        self.world.reset({"init_state": trial.start.init_state}, trial.seed)
        return self._seen(keys)

    def step(self, action, keys):
        self.actions.append(action)
        return self.world.step(action), self._seen(keys)

    def _seen(self, keys):
        self.shown.append(tuple(keys))
        return self.world.observe(keys)


class Says:
    """Answers with plans of its own, and writes down what it was asked."""

    def __init__(self, answer=lambda query: [AT_REST], **conventions):
        self.conventions = Conventions(**conventions)
        self.answer = answer
        self.asked: list[object] = []

    def predict(self, queries, seed):
        (query,) = queries
        self.asked.append((query, seed))
        return [Prediction(np.array(self.answer(query), dtype=np.float64))]


def resting(count):
    return lambda query: [AT_REST] * count


def test_a_frame_is_rendered_only_when_the_policy_will_see_it():
    world = Here()
    policy = Says(resting(8), observations=("agentview_rgb",), history=2, chunk=8)
    played = play(world, policy, TRIAL, Limits(20))
    looks = [step for step, keys in enumerate(world.shown) if "agentview_rgb" in keys]
    assert looks == [0, 7, 8, 15, 16]
    assert (played.outcome, played.steps, played.queries) == ("failure", 20, 3)


def test_history_ends_with_now_and_repeats_the_start():
    world = Here()
    policy = Says(resting(3), observations=("agentview_rgb",), history=3, chunk=3)
    play(world, policy, TRIAL, Limits(4))
    ages = [query.observation["agentview_rgb"][:, -1, -1, 1].tolist() for query, _ in policy.asked]
    assert ages == [[0, 0, 0], [1, 2, 3]]


def test_a_history_longer_than_a_plan_reaches_back_over_plans():
    world = Here()
    policy = Says(resting(1), observations=("agentview_rgb",), history=3)
    play(world, policy, TRIAL, Limits(4))
    ages = [query.observation["agentview_rgb"][:, -1, -1, 1].tolist() for query, _ in policy.asked]
    assert ages == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3]]


def test_images_are_as_stored_unless_the_policy_wants_them_upright():
    for upright, corner in ((False, (-1, -1)), (True, (0, 0))):
        policy = Says(observations=("agentview_rgb",), rotate_images=upright)
        play(Here(), policy, TRIAL, Limits(1))
        frame = policy.asked[0][0].observation["agentview_rgb"][0]
        assert frame[corner][0] == 255
        assert frame[..., 0].sum() == 255


def test_only_the_horizon_of_a_plan_is_executed():
    policy = Says(resting(8), chunk=8)
    played = play(Here(), policy, TRIAL, Limits(20, horizon=3))
    assert played.queries == 7
    assert [query.step for query, _ in policy.asked] == [0, 3, 6, 9, 12, 15, 18]


def test_a_policy_says_how_much_of_its_plan_it_stands_by():
    policy = Says(resting(8), chunk=8, execute=5)
    play(Here(), policy, TRIAL, Limits(10))
    assert [query.step for query, _ in policy.asked] == [0, 5]
    policy.asked.clear()
    play(Here(), policy, TRIAL, Limits(10, horizon=8))
    assert [query.step for query, _ in policy.asked] == [0, 8]


def test_the_cap_holds_within_a_plan():
    world = Here()
    played = play(world, Says(resting(8), chunk=8), TRIAL, Limits(11))
    assert played.steps == len(world.actions) == 11


def test_noise_is_another_at_each_query_and_the_same_in_the_next_run():
    seeds = []
    for _ in range(2):
        policy = Says(resting(2), chunk=2)
        play(Here(), policy, TRIAL, Limits(6))
        seeds.append([seed for _, seed in policy.asked])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 3


def test_actions_are_put_into_liberos_convention():
    world = Here()
    said = [[0.5, 0, 0, 0, 0, 0, 1.0], [0.5, 0, 0, 0, 0, 0, 0.0]]  # OpenVLA: 1 = open
    play(world, Says(lambda query: said, chunk=2, actions=CONVENTIONS["openvla"]), TRIAL, Limits(2))
    assert [action[6] for action in world.actions] == [-1.0, 1.0]
    assert world.actions[0][0] == 0.5


def test_absolute_targets_are_reached_from_the_pose_before_each_action():
    """One target, answered once: each step closes part of the distance that is left."""
    world = Here()
    start = point_world.BASE
    target = start + np.array([0.12, 0, 0])
    pose = Pose(target, np.zeros(3))
    convention = CONVENTIONS["rdt-absolute"]
    answer = convention.encode(np.array(AT_REST), pose)
    policy = Says(lambda query: [answer] * 4, chunk=4, actions=CONVENTIONS["rdt-absolute"])
    play(world, policy, TRIAL, Limits(4))
    moves = [action[0] for action in world.actions]
    assert moves == pytest.approx([1.0, 1.0, 0.4, 0.0])


def test_no_robot_is_given_what_it_cannot_do():
    world = Here()
    play(world, Says(lambda query: [[20.0] * 7]), TRIAL, Limits(1))
    assert world.actions[0].max() == 1.0
    with pytest.raises(BadAction, match="not finite"):
        play(Here(), Says(lambda query: [[float("nan")] * 7]), TRIAL, Limits(1))


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(ForkctlError, match="shape"):
        play(Here(), Says(resting(3), chunk=2), TRIAL, Limits(5))


def test_a_camera_sees_every_step_and_the_last_one():
    def reach(query):
        goal = point_world.goal_of(TRIAL.task, 3)
        move = np.clip((goal - query.observation["ee_pos"][-1]) / point_world.STEP, -1, 1)
        return [[*move, 0, 0, 0, 1]]

    frames = []
    policy = Says(reach, observations=("ee_pos",))
    played = play(Here(), policy, TRIAL, Limits(50), frames.append)
    assert played.outcome == "success"
    assert [frame[-1, -1, 1] for frame in frames] == list(range(played.steps + 1))


def test_the_world_file_is_the_one_of_the_other_tests():
    assert Path(point_world.__file__).parent == Path(__file__).parent
