"""Runs in the simulator's environment and says, as JSON, how a TaskSimulation behaves there."""

from __future__ import annotations

import json
import sys

import numpy as np

from forkctl.simulation import portable
from forkctl.simulation.expert import Expert
from forkctl.simulation.observing import robot_state
from forkctl.simulation.task_simulation import TaskSimulation
from forkctl.simulation.tasks import bddl_path, init_states

STOVE = "pick_up_the_black_bowl_on_the_stove_and_place_it_on_the_plate"
GOAL = "put_the_wine_bottle_on_the_rack"


def main() -> None:
    world = TaskSimulation.open(STOVE)
    facts = {
        "same as LIBERO": as_libero_observes(world),
        "placements": placements(world),
        "gripper after reset": gripper_after_reset(world),
        "init states": list(init_states(STOVE).shape),
        "expert": {"stove": steps_to_success(world, 11), "rack": rack()},
        "frames": frames(world),
    }
    world.close()
    print(json.dumps(facts))


def as_libero_observes(world: TaskSimulation) -> dict[str, bool]:
    """The same scene, state and actions in LIBERO's own wrapper, observables and all."""
    import robosuite.utils.transform_utils as T
    from libero.libero.envs.env_wrapper import ControlEnv

    stock = ControlEnv(
        str(bddl_path(STOVE)), has_offscreen_renderer=False, use_camera_obs=False
    ).env
    np.random.seed(0)
    stock.reset()
    xml, state = stock.sim.model.get_xml(), stock.sim.get_state().flatten()
    stock.reset_from_xml_string(xml)
    stock.sim.reset()
    stock.sim.set_state_from_flattened(state)
    stock.sim.forward()
    world.restore(portable.without_paths(xml), state)
    random = np.random.default_rng(0)
    equal: dict[str, bool] = {}
    for _ in range(8):
        action = random.uniform(-1, 1, 7)
        theirs, _, _, _ = stock.step(action)
        world.step(action)
        ours = world.observe()
        pairs = {
            "state": (world.state(), stock.sim.get_state().flatten()),
            "joint_states": (ours["joint_states"], theirs["robot0_joint_pos"]),
            "gripper_states": (ours["gripper_states"], theirs["robot0_gripper_qpos"]),
            "ee_pos": (ours["ee_pos"], theirs["robot0_eef_pos"]),
            "ee_ori": (ours["ee_ori"], T.quat2axisangle(theirs["robot0_eef_quat"])),
            "robot_states": (robot_state(world.env), stock.get_robot_state_vector(theirs)),
            "object": (ours["object"][:3], theirs["akita_black_bowl_1_pos"]),
        }
        for name, (a, b) in pairs.items():
            equal[name] = equal.get(name, True) and bool(np.array_equal(a, b))
    return equal


def placements(world: TaskSimulation) -> dict[str, object]:
    def after(seed: int) -> list[np.ndarray]:
        world.reset(seed=seed)
        return [world.state(), *world.objects().values()]

    first, other, again = after(3), after(5), after(3)
    world.settle()
    poses = world.objects()
    apart = poses["akita_black_bowl_1"][:2] - poses["flat_stove_1"][:2]
    return {
        "repeat": all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)),
        "differ": not np.array_equal(first[0], other[0]),
        "bowl from stove": float(np.linalg.norm(apart)),
        "bowl above table": float(poses["akita_black_bowl_1"][2] - poses["plate_1"][2]),
    }


def gripper_after_reset(world: TaskSimulation) -> float:
    for _ in range(5):
        world.step(np.array([0, 0, 0, 0, 0, 0, 1.0]))
    world.reset(seed=1)
    return float(np.abs(world.env.robots[0].gripper.current_action).max())


def steps_to_success(world: TaskSimulation, index: int) -> int | None:
    """Ten successes in a row."""
    world.reset(init_states(world.task)[index])
    world.settle()
    run = 0
    for steps, action in enumerate(Expert(world.env).actions()):
        world.step(action)
        run = run + 1 if world.success() else 0
        if run == 10:
            return steps
        if steps == 250:
            return None
    return None


def rack() -> int | None:
    with TaskSimulation.open(GOAL) as world:
        return steps_to_success(world, 11)


def frames(world: TaskSimulation) -> dict[str, object]:
    """A render context that outlived its scene would show garbage."""
    world.reset(seed=2)
    xml, state = world.model_xml(), world.state()
    world.restore(xml, state)
    seen = world.frame(size=64)
    world.restore(xml, state)
    with TaskSimulation.open(STOVE) as other:
        other.restore(xml, state)
        same = np.array_equal(other.frame(size=64), world.frame(size=64))
    world.reflection = False
    dull = world.frame(size=64)
    changed = float((np.abs(dull.astype(int) - seen).max(axis=-1) > 8).mean())
    return {"same": bool(same), "shape": list(seen.shape), "without reflections": changed}


if __name__ == "__main__":
    main()
    sys.stdout.flush()
