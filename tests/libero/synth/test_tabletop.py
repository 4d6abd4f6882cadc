"""The world of the synthetic demonstrations: it answers as they did, and a hand must look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.libero.files.reader import Demo, open_demo_file
from forkctl.libero.suites import SUITES
from forkctl.libero.synth import SynthOptions, write_suite
from forkctl.libero.synth.scene import GOAL_RADIUS
from forkctl.libero.synth.tabletop import INIT_STATES, Tabletop, open_world
from forkctl.libero.synth.view import OBJECT, PROPRIOCEPTION

SPATIAL = SUITES["libero_spatial"].tasks[0]
DEMOS = 12


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Demo]]:
    """On states: one task that carries one object, and one that carries two."""
    folder = tmp_path_factory.mktemp("demos")
    options = SynthOptions(demos=DEMOS, images=False)
    found = {}
    for suite in ("libero_spatial", "libero_10"):
        (path,) = write_suite(folder, suite, options, tasks=1)
        found[suite] = list(open_demo_file(path))
    return found


def begun(demo: Demo) -> Tabletop:
    """The world where the demonstration began."""
    world = open_world(demo.file.task, {"image_size": 64})
    world.reset({"model": demo.attrs["model_file"], "state": demo.states()[0]}, seed=0)
    return world


def played(world: Tabletop, actions: np.ndarray) -> int | None:
    """The step at which the task was done."""
    return next((step for step, action in enumerate(actions) if world.step(action)), None)


@pytest.mark.parametrize("suite", ["libero_spatial", "libero_10"])
def test_a_demonstration_happens_again(demos: dict[str, list[Demo]], suite: str) -> None:
    """The arm's way to the last digit; objects are touched a moment earlier than in the plan that
    the demonstration followed."""
    for demo in demos[suite]:
        world = begun(demo)
        done = [world_step(world, demo, step) for step in range(len(demo.actions()))]
        assert done[-1]
        first = done.index(True)
        assert first > 60 and demo.actions()[first, 6] < 0  # only once the hand has let go


def world_step(world: Tabletop, demo: Demo, step: int) -> bool:
    done = world.step(demo.actions()[step])
    keys = (*PROPRIOCEPTION, OBJECT)
    for key, seen in world.observe(keys).items():
        recorded = demo.obs(key)[step]  # raw files: after the action
        off = 0.002 if key == OBJECT else 1e-9  # metres
        np.testing.assert_allclose(seen, recorded, atol=off, rtol=0, err_msg=f"{key} at {step}")
    return done


def test_where_things_are_is_said_as_the_simulator_says_it(demos: dict[str, list[Demo]]) -> None:
    """Position, quaternion, position from the hand: of the object, and of the goal."""
    demo = demos["libero_spatial"][0]
    said, hand = demo.obs(OBJECT), demo.obs("ee_pos")
    assert said.shape[1] == 20 and demos["libero_10"][0].obs(OBJECT).shape[1] == 30
    np.testing.assert_allclose(said[:, 7:10], said[:, :3] - hand)
    np.testing.assert_allclose(said[:, 17:20], said[:, 10:13] - hand)
    np.testing.assert_array_equal(said[:, 3:7], np.tile([0.0, 0.0, 0.0, 1.0], (len(said), 1)))
    assert np.linalg.norm(said[-1, :2] - said[-1, 10:12]) < GOAL_RADIUS
    assert np.linalg.norm(said[0, :2] - said[0, 10:12]) > GOAL_RADIUS


def test_a_hand_that_does_not_look_often_misses(demos: dict[str, list[Demo]]) -> None:
    """The way of one demonstration, from where another began."""
    every = demos["libero_spatial"]
    won = [
        played(begun(demo), every[(number + 1) % DEMOS].actions()) is not None
        for number, demo in enumerate(every)
    ]
    assert sum(won) <= DEMOS / 2


@pytest.mark.parametrize("gripper", [-1.0, 1.0])
def test_a_hand_that_never_closes_or_never_opens_carries_nothing(
    demos: dict[str, list[Demo]], gripper: float
) -> None:
    demo = demos["libero_spatial"][0]
    world = begun(demo)
    before = world.observe([OBJECT])[OBJECT][:2]
    actions = demo.actions().astype(float)
    actions[:, 6] = gripper
    assert played(world, actions) is None
    np.testing.assert_array_equal(world.observe([OBJECT])[OBJECT][:2], before)


def test_an_object_that_is_let_go_falls_where_it_was(demos: dict[str, list[Demo]]) -> None:
    demo = demos["libero_spatial"][0]
    world = begun(demo)
    height = demo.obs(OBJECT)[:, 2]
    lifted = int(np.argmax(height > 0.96))  # on its way to the goal
    assert played(world, demo.actions()[: lifted + 1]) is None
    for _ in range(10):
        assert not world.step(np.array([0.0] * 6 + [-1.0]))
    there = world.observe([OBJECT])[OBJECT][:3]
    assert there[2] == pytest.approx(height[0])
    assert np.linalg.norm(there[:2] - demo.obs(OBJECT)[lifted, :2]) < 0.02


def test_both_objects_must_get_there(demos: dict[str, list[Demo]]) -> None:
    for demo in demos["libero_10"]:
        said = demo.obs(OBJECT)
        there = np.linalg.norm(said[:, :2] - said[:, 20:22], axis=1) < GOAL_RADIUS
        first = int(np.argmax(there)) + 15  # the first lies where it belongs
        assert played(begun(demo), demo.actions()[:first]) is None


def test_starts_are_fixed_differ_and_are_in_no_demonstration(
    demos: dict[str, list[Demo]],
) -> None:
    world = open_world(SPATIAL, {"image_size": 64})
    starts = []
    for number in [*range(INIT_STATES), 0]:
        world.reset({"init_state": number, "settle": 10}, seed=number)
        starts.append(world.observe([OBJECT])[OBJECT])
    np.testing.assert_array_equal(starts[0], starts[-1])
    seen = [demo.obs(OBJECT)[0] for demo in demos["libero_spatial"]]
    away = np.array([[np.abs(a - b).max() for b in starts[:-1]] for a in seen])
    assert away.min() > 1e-3
    assert len(np.unique(np.array(starts[:-1])[:, 0])) == INIT_STATES
    # as far from their places as in the demonstrations
    spread = np.ptp(np.array(starts)[:, :2], axis=0)
    assert (spread > 0.04).all() and (spread < 0.05).all()


def test_frames_are_drawn_as_in_the_files(tmp_path: Path) -> None:
    (path,) = write_suite(tmp_path, "libero_spatial", SynthOptions(demos=1, image_size=64), 1)
    demo = open_demo_file(path)["demo_0"]
    world = begun(demo)
    for step in range(20):
        world.step(demo.actions()[step])
    for camera, frame in world.observe(["agentview_rgb", "eye_in_hand_rgb"]).items():
        np.testing.assert_array_equal(frame, demo.frame(camera, 19))


def test_what_it_cannot_show_is_refused() -> None:
    world = open_world(SPATIAL, {"image_size": 64})
    world.reset({"init_state": 0, "settle": 0}, seed=0)
    with pytest.raises(ForkctlError, match="the tabletop has no depth"):
        world.observe(["ee_pos", "depth"])
    with pytest.raises(ForkctlError, match="not made on this table"):
        world.reset({"model": "<mujoco/>", "state": np.zeros(100)}, seed=0)
