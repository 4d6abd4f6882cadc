"""LIBERO's simulator as a world that a policy acts in (see forkctl.inside.world_worker)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from forkctl.inside.versions import installed
from forkctl.libero.schema import CAMERAS
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.expert.goals import NEXT_ACTION
from forkctl.simulation.expert.script import Expert
from forkctl.simulation.settings import assets_digest
from forkctl.simulation.task_simulation import TaskSimulation
from forkctl.simulation.tasks import init_states

_PACKAGES = ("hf-libero", "robosuite", "mujoco")


def open_world(task: str, options: dict[str, Any]) -> LiberoWorld:
    world = LiberoWorld(task, options["image_size"], options["reflection"])
    if options["frames"]:
        # The first frame of a renderer differs in a few pixels from the same one later on, and an
        # episode must not depend on whether it is the first.
        world.observe(CAMERAS)
    return world


class LiberoWorld:
    """One task, compiled once."""

    def __init__(self, task: str, image_size: int, reflection: bool) -> None:
        self.image_size = image_size
        self.simulation = TaskSimulation.open(task, reflection=reflection)
        self.states = init_states(task)
        self.init_states = len(self.states)
        self.versions = {**installed(*_PACKAGES), "assets": assets_digest()}

        self._expert: Iterator[Any] | None = None

    def reset(self, start: dict[str, Any], seed: int) -> None:
        self._expert = None
        if "model" in start:
            self.simulation.restore(start["model"], start["state"])
            return
        self.simulation.reset(self.states[start["init_state"]], seed=seed)
        self.simulation.settle(start["settle"])

    def step(self, action: Any) -> bool:
        self.simulation.step(action)
        return self.simulation.success()

    def observe(self, keys: Sequence[str]) -> dict[str, Any]:
        cameras = [key for key in keys if key in CAMERAS]
        seen = self.simulation.observe(cameras, self.image_size)
        if NEXT_ACTION in keys:
            # asked once before each step, it goes on from where the scene then is
            self._expert = self._expert or Expert(self.simulation.env).actions()
            seen[NEXT_ACTION] = next(self._expert)
        if unknown := sorted(set(keys) - set(seen)):
            raise SimulationError(
                f"the simulator has no {', '.join(unknown)}",
                hint=f"it has {', '.join(sorted({*seen, *CAMERAS}))}",
            )
        return {key: seen[key] for key in keys}

    def close(self) -> None:
        self.simulation.close()
