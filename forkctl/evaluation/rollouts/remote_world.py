"""The world that a policy acts in: another process, in the simulator's environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from forkctl.environments.simulator import Simulator
from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.dimensions import Floats
from forkctl.evaluation.policies.connection import Connection, Launch, connect
from forkctl.evaluation.policies.launching import file_launch
from forkctl.evaluation.policies.policy import Observation
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.places import cache_root

LIBERO_WORLD = "forkctl.simulation.libero_world"
# Worlds that need no environment but forkctl's own: name -> module.
BUILTIN = {"tabletop": "forkctl.libero.synth.tabletop"}
PATIENCE_SECONDS = 900.0
# What the record says of the frames, beside the versions of the world.
FRAMES, TRAINED_ON = "frames", "frames in training"
_LIBERO_SIZE = 128


class WorldError(ForkctlError):
    """The world failed during an episode: an error of the episode, not the policy's fault."""


class World(Protocol):
    """One task at a time."""

    @property
    def versions(self) -> Mapping[str, str]: ...

    def open(self, task: str, frames: bool, trained_on: int | None = None) -> None: ...

    def reset(self, trial: Trial, keys: Sequence[str]) -> Observation: ...

    def step(self, action: Floats, keys: Sequence[str]) -> tuple[bool, Observation]: ...


@dataclass(frozen=True)
class WorldOptions:
    """What an outcome depends on besides the policy."""

    image_size: int | None = None  # of a frame's side; None: as the policy was trained on
    reflection: bool = True
    settle: int = 10  # steps at rest before the policy is asked: objects fall into place


@dataclass(frozen=True)
class WorldSource:
    """A world that is not started yet. `world` is a module or a file's path (see
    forkctl.inside.world_worker)."""

    world: str
    launch: Launch
    logs: Path
    options: WorldOptions
    patience: float = PATIENCE_SECONDS  # with an answer: opening a task takes the longest

    @contextmanager
    def start(self, number: int, started: Callable[[Connection], None]) -> Iterator[RemoteWorld]:
        """`started` gets the process at once, so that another thread can end it."""
        words = ["forkctl.inside.world_worker", self.world]
        log = self.logs / f"simulator-{number}.log"
        with connect(self.launch, words, log, "simulator", self.patience) as connection:
            started(connection)
            yield RemoteWorld(connection, self.options)


class RemoteWorld:
    """Costs 0.03 ms per step: nothing beside the physics."""

    def __init__(self, connection: Connection, options: WorldOptions) -> None:
        self.connection = connection
        self.options = options
        self.task: str | None = None
        self.versions: Mapping[str, str] = {}
        self._init_states = 0

    def open(self, task: str, frames: bool, trained_on: int | None = None) -> None:
        """`frames` says whether any will be wanted; `trained_on` how large the policy's were."""
        if task == self.task:
            return
        size = self.options.image_size or trained_on or _LIBERO_SIZE
        options = {
            "image_size": size,
            "reflection": self.options.reflection,
            "frames": frames,
        }
        answer = self.connection.ask({"open": task, "options": options})
        self.task = task
        self.versions = answer["versions"]
        if frames:
            said = {FRAMES: f"{size} px", TRAINED_ON: f"{trained_on} px" if trained_on else None}
            self.versions = {**self.versions, **{k: v for k, v in said.items() if v}}
        self._init_states = answer["init_states"]

    def reset(self, trial: Trial, keys: Sequence[str]) -> Observation:
        answer = self._ask({"reset": self._start(trial), "seed": trial.seed, "observe": list(keys)})
        observation: Observation = answer["observation"]
        return observation

    def step(self, action: Floats, keys: Sequence[str]) -> tuple[bool, Observation]:
        answer = self._ask({"step": action, "observe": list(keys)})
        return answer["done"], answer["observation"]

    def _start(self, trial: Trial) -> dict[str, Any]:
        if trial.start.demo is not None:
            return saved_start(trial)
        number = trial.start.init_state
        assert number is not None
        if number >= self._init_states:
            raise ForkctlError(
                f"no initial state {number}: the task has {self._init_states}", where=trial.task
            )
        return {"init_state": number, "settle": self.options.settle}

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.connection.ask(message)
        except ForkctlError as error:
            raise WorldError(error.message, where=error.where, hint=error.hint) from error


def saved_start(trial: Trial) -> dict[str, Any]:
    """The scene as a demonstration saved it, fixtures included."""
    demo = trial.start.demo
    assert demo is not None
    model = demo.attrs.get("model_file")
    if model is None:
        raise ForkctlError(
            "the demonstration lacks its scene (the attribute model_file)",
            where=f"{demo.file.path}:{demo.name}",
            hint="replay needs LIBERO's raw files; `forkctl demos` makes such files",
        )
    text = model.decode() if isinstance(model, bytes) else str(model)
    return {"model": text, "state": demo.states()[0]}


def simulator_source(simulator: Simulator, options: WorldOptions) -> WorldSource:
    launch = Launch(str(simulator.python), simulator.variables)
    return WorldSource(LIBERO_WORLD, launch, _logs(), options)


def named_source(name: str, own: str | None, options: WorldOptions) -> WorldSource:
    """A world that forkctl brings, or the file of one of the user's."""
    if name in BUILTIN:
        return WorldSource(BUILTIN[name], Launch(sys.executable, os.environ), _logs(), options)
    path = Path(name).absolute()
    if not path.is_file():
        raise UsageError(
            f"no world {name!r}",
            hint=f"--world takes a Python file, or one of: {', '.join(BUILTIN)}",
        )
    return WorldSource(str(path), file_launch(path, own), _logs(), options)


def _logs() -> Path:
    return cache_root() / "logs"
