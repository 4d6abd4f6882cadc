"""One demonstration: the expert's actions, and what LIBERO's files keep beside them.

The recording begins where a playback of it begins: the scene is compiled anew from the XML that the
file will hold, and set to the state that it will hold. So the file's actions, played from there,
give the file's states to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.files.content import DemoContent
from forkctl.libero.schema import CAMERAS, FileLayout
from forkctl.libero.suites import find_suite
from forkctl.libero.units.noops import THRESHOLD
from forkctl.simulation.expert import Expert
from forkctl.simulation.observing import robot_state
from forkctl.simulation.world import World

Array = npt.NDArray[Any]

# LIBERO's rule for the end of a recording.
SUCCESS_STEPS = 10
# LIBERO drops the first five steps of what it records, in which things fall into place.
_SETTLE_STEPS = 5
_OWN_TASK_STEPS = 300


@dataclass(frozen=True)
class RecordingOptions:
    """`noise` is the standard deviation of what is added to the expert's motion, in actions; the
    noisy action is executed and recorded."""

    layout: FileLayout
    image_size: int
    noise: float = 0.0
    reflection: bool = True


def record(world: World, name: str, seed: int, options: RecordingOptions) -> DemoContent | None:
    """A demonstration from objects placed by `seed`; None where the expert does not succeed."""
    world.reset(seed=seed)
    world.settle(_SETTLE_STEPS)
    model_file, init_state = world.model_xml(), world.state()
    world.restore(model_file, init_state)
    rows = _perform(world, options, np.random.default_rng(seed))
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
    world: World, options: RecordingOptions, random: np.random.Generator
) -> list[dict[str, Array]] | None:
    """One row for each step, or None."""
    suite = find_suite(world.task)
    limit = suite.max_steps if suite else _OWN_TASK_STEPS
    layout = options.layout
    rows: list[dict[str, Array]] = []
    succeeded = 0
    for intended in Expert(world.env).actions():
        action = _disturbed(intended, options.noise, random)
        if not layout.has_noops and _is_noop(action, rows):
            continue  # it is not executed either: what follows starts from here
        before = {"states": world.state(), "actions": action}
        seen = {} if layout.observes_after else _seen(world, options)
        world.step(action)
        seen = seen or _seen(world, options)
        rows.append({**before, **seen})
        succeeded = succeeded + 1 if world.success() else 0
        if succeeded == SUCCESS_STEPS:
            return rows
        if len(rows) == limit:
            return None
    return None


def _seen(world: World, options: RecordingOptions) -> dict[str, Array]:
    cameras = CAMERAS if options.layout.has_frames else ()
    seen = world.observe(cameras, options.image_size)
    if not options.layout.has_objects:
        del seen["object"]
    obs = {f"obs/{key}": value for key, value in seen.items()}
    return {**obs, "robot_states": robot_state(world.env)}


def _disturbed(action: Array, noise: float, random: np.random.Generator) -> Array:
    if not noise:
        return action
    moved = action[:6] + random.normal(0.0, noise, 6)
    return np.concatenate([np.clip(moved, -1.0, 1.0), action[6:]])


def _is_noop(action: Array, rows: list[dict[str, Array]]) -> bool:
    still = float(np.linalg.norm(action[:6])) < THRESHOLD
    return still and (not rows or bool(rows[-1]["actions"][6] == action[6]))
