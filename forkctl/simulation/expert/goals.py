"""Which tasks are pick-and-place, and what of them goes where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forkctl.libero.suites import get_suite
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.expert.solids import Array, solids_of

# What the simulator calls the expert's next action, among observations.
NEXT_ACTION = "expert"
# These ask for something other than putting one thing on another: a drawer, a knob, a push.
_OTHER_SKILLS = {
    "open_the_middle_drawer_of_the_cabinet": "opening a drawer",
    "open_the_top_drawer_and_put_the_bowl_inside": "opening a drawer",
    "push_the_plate_to_the_front_of_the_stove": "pushing",
    "turn_on_the_stove": "turning a knob",
}
_SUITES = ("libero_spatial", "libero_object", "libero_goal")
# A support is looked for under the middle of what is put there, this far around.
_UNDER = 0.02


@dataclass(frozen=True)
class Goal:
    item: str
    target: str  # an object, or a region of one


def supported_tasks(suite: str) -> tuple[str, ...]:
    refused = refused_tasks(suite)
    return tuple(task for task in get_suite(suite).tasks if task not in refused)


def refused_tasks(suite: str) -> dict[str, str]:
    """Task -> what it takes that the expert cannot do."""
    chosen = get_suite(suite)
    if chosen.name not in _SUITES:
        return dict.fromkeys(chosen.tasks, "tasks of several steps")
    return {task: _OTHER_SKILLS[task] for task in chosen.tasks if task in _OTHER_SKILLS}


def goal_of(env: Any) -> Goal:
    """What the task's definition asks for."""
    wanted = env.parsed_problem["goal_state"]
    if len(wanted) != 1 or len(wanted[0]) != 3 or wanted[0][0] not in ("on", "in"):
        raise SimulationError(
            f"the goal {wanted} is not to put one thing on or into another",
            hint="the expert does pick-and-place tasks only; docs/simulator.md lists them",
        )
    return Goal(item=wanted[0][1], target=wanted[0][2])


def place_for(env: Any, goal: Goal) -> Array:
    """Where the middle of the item should go (x, y), and the height of what is under it."""
    if goal.target in env.obj_body_id:
        center = np.array(env.sim.data.body_xpos[env.obj_body_id[goal.target]])
        points = solids_of(env, goal.target).points(0.005)
        under = np.linalg.norm(points[:, :2] - center[:2], axis=1) < _UNDER
        height = points[under, 2].max() if under.any() else points[:, 2].min()
        return np.array([center[0], center[1], height])
    site = env.sim.model.site_name2id(goal.target)
    return np.array(env.sim.data.site_xpos[site])
