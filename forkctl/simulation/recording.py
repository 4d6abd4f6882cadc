"""One demonstration: the expert's actions, and what LIBERO's files keep beside them.

The recording begins where its playback will begin: the scene is compiled anew from the XML that the
file will hold, and set to the state that it will hold. So the file's actions, played from there,
give the file's states to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.files.content import DemoContent
from forkctl.libero.schema import CAMERAS
from forkctl.libero.suites import find_suite
from forkctl.libero.units.noops import THRESHOLD
from forkctl.simulation.expert import Expert
from forkctl.simulation.observing import robot_state
from forkctl.simulation.request import RecordingOptions
from forkctl.simulation.task_simulation import TaskSimulation

Array = npt.NDArray[Any]

# LIBERO's rule for the end of a recording.
SUCCESS_STEPS = 10
# LIBERO drops the first five steps of a recording, in which things fall into place.
_SETTLE_STEPS = 5
_OWN_TASK_STEPS = 300


def record(
    simulation: TaskSimulation, name: str, seed: int, options: RecordingOptions
) -> DemoContent | None:
    """A demonstration from objects placed by `seed`; None where the expert does not succeed."""
    simulation.reset(seed=seed)
    simulation.settle(_SETTLE_STEPS)
    model_file, init_state = simulation.model_xml(), simulation.state()
    simulation.restore(model_file, init_state)
    rows = _perform(simulation, options, np.random.default_rng(seed))
    if rows is None:
        return None
    datasets = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    ends = np.zeros(len(rows), dtype=np.uint8)
    ends[-1] = 1
    attrs: dict[str, Any] = {"model_file": model_file, "init_state": init_state}
    return DemoContent(
        name,
        {**datasets, "rewards": ends, "dones": ends},
        attrs if options.layout.has_attributes else {},
    )


def _perform(
    simulation: TaskSimulation, options: RecordingOptions, random: np.random.Generator
) -> list[dict[str, Array]] | None:
    """One row for each step, or None."""
    suite = find_suite(simulation.task)
    limit = suite.max_steps if suite else _OWN_TASK_STEPS
    layout = options.layout
    rows: list[dict[str, Array]] = []
    succeeded = 0
    for intended in Expert(simulation.env).actions():
        action = _disturbed(intended, options.noise, random)
        if not layout.has_noops and _is_noop(action, rows):
            continue  # it is not executed either: what follows starts from here
        before = {"states": simulation.state(), "actions": action}
        seen = {} if layout.observes_after else _seen(simulation, options)
        simulation.step(action)
        seen = seen or _seen(simulation, options)
        rows.append({**before, **seen})
        succeeded = succeeded + 1 if simulation.success() else 0
        if succeeded == SUCCESS_STEPS:
            return rows
        if len(rows) == limit:
            return None
    return None


def _seen(simulation: TaskSimulation, options: RecordingOptions) -> dict[str, Array]:
    cameras = CAMERAS if options.layout.has_frames else ()
    seen = simulation.observe(cameras, options.image_size)
    if not options.layout.has_objects:
        del seen["object"]
    obs = {f"obs/{key}": value for key, value in seen.items()}
    return {**obs, "robot_states": robot_state(simulation.env)}


def _disturbed(action: Array, noise: float, random: np.random.Generator) -> Array:
    if not noise:
        return action
    moved = action[:6] + random.normal(0.0, noise, 6)
    return np.concatenate([np.clip(moved, -1.0, 1.0), action[6:]])


def _is_noop(action: Array, rows: list[dict[str, Array]]) -> bool:
    still = float(np.linalg.norm(action[:6])) < THRESHOLD
    return still and (not rows or bool(rows[-1]["actions"][6] == action[6]))
