"""What forkctl has to know of a kind of fork, so that nothing else needs to.

A fork names its kind in forks.toml. The kind belongs to a `Family`, which says how its training is
started (a `Launcher`) and, where it likes, which policies and units it brings. Everything has a
default but the launcher, and of the launcher everything but `arguments`: docs/add-a-family.md shows
how little is enough. The command line looks a family up and hands it down as a value of these
types; nothing below the command line knows which families there are.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forkctl.checkpoints.contents import Checkpoint
from forkctl.checks import Check
from forkctl.configs import Config, read_config, section, with_value
from forkctl.environments.binding import Place
from forkctl.errors import UsageError
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.statistics_files import StatisticsFile

Metric = dict[str, Any]  # see forkctl.training.metrics


class DataForm(enum.Enum):
    """What an entrypoint is given to train on."""

    FILES = "LIBERO's own files"
    ONE_FILE = "one HDF5 file that points into them"
    NONE = "what its config says; none of forkctl's business"


@dataclass(frozen=True)
class Camera:
    key: str
    height: int
    width: int


@dataclass(frozen=True)
class DataFacts:
    """What a config has to know of the data."""

    cameras: tuple[Camera, ...]
    low_dim: tuple[tuple[str, int], ...]
    action_dim: int
    steps: int | None = None  # of all demos, where they are there to be counted


@dataclass(frozen=True)
class ConfigRequest:
    """What `forkctl config` was asked for. `data` and `checkpoint` may be ${VARIABLES}."""

    suite: str
    data: str
    facts: DataFacts
    checkpoint: str | None = None
    checkpoint_config: Mapping[str, Any] | None = None  # upstream's own config, from the file
    checkpoint_shapes: Mapping[str, Any] | None = None
    choices: Mapping[str, str] = field(default_factory=dict)  # see Family.choices


@dataclass(frozen=True)
class RunInputs:
    """What a run gives an upstream: where to write, what to read, how long."""

    name: str
    folder: Path
    files: tuple[Path, ...]  # one alone where the launcher wants DataForm.ONE_FILE
    steps: int | None


@dataclass(frozen=True)
class Adopted:
    """A config that has taken the words after -- into itself, as far as they belong there."""

    config: Config
    words: tuple[str, ...]  # what is left for the entrypoint as it is
    checks: tuple[Check, ...] = ()  # what was understood otherwise than it was written


@dataclass(frozen=True)
class ConfigKeys:
    """Where a config says what, as dotted paths; None where it cannot say it."""

    name: str | None = None
    data: str | None = None  # a path, or a list of them
    checkpoint: str | None = None
    steps: str | None = None
    processes: str | None = None
    batch: str | None = None  # samples that one process takes at a time
    accumulation: str | None = None  # how often it does so for one step of the optimiser


class LogReader:
    """Turns what upstream prints into metrics. This one finds none."""

    def feed(self, line: str) -> Metric | None:
        return None


class Launcher:
    """How a fork's training entrypoint is spoken to."""

    packages: tuple[str, ...] = ()  # top-level packages that must come from the fork's tree
    modules: tuple[str, ...] = ()  # what must import for training to work
    checks_imports = False  # before each run, too: for a kind that asks upstream nothing else
    data_form = DataForm.FILES
    keys = ConfigKeys()
    plain_weights = False  # its checkpoints are tensors and numbers; others are refused
    transfers = False  # upstream takes over a part of a checkpoint, and forkctl plans which
    validator: Path | None = None  # for the fork's environment: config in, upstream's complaint out

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        """The entrypoint's own command line; refuses a resume that upstream does not have."""
        raise NotImplementedError

    # What a config says.

    fills_variables = True  # ${NAMES} in a config are filled in from the environment

    def read(self, path: Path) -> Config:
        return read_config(path)

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted:
        return Adopted(config, tuple(words))

    def name_of(self, config: Config) -> str | None:
        """What the config calls the run."""
        name = self.value(config, self.keys.name)
        return str(name) if name else None

    def data_of(self, config: Config) -> tuple[str, ...]:
        """The data paths that the config names: files, or folders of them."""
        data = self.value(config, self.keys.data) or ()
        return (data,) if isinstance(data, str) else tuple(str(each) for each in data)

    def checkpoint_of(self, config: Config) -> str | None:
        path = self.value(config, self.keys.checkpoint)
        return path if isinstance(path, str) else None

    def steps_of(self, config: Config) -> int | None:
        """How many optimiser steps the config asks for, if that is known."""
        steps = self.value(config, self.keys.steps)
        return steps if isinstance(steps, int) else None

    def processes_of(self, config: Config) -> int:
        """How many the entrypoint is started as."""
        processes = self.value(config, self.keys.processes)
        return processes if isinstance(processes, int) else 1

    def with_data(self, config: Config, paths: Sequence[str]) -> Config:
        return self._with(config, self.keys.data, list(paths), "--data")

    def with_checkpoint(self, config: Config, path: str) -> Config:
        return self._with(config, self.keys.checkpoint, path, "--ckpt")

    def with_processes(self, config: Config, processes: int) -> Config:
        return self._with(config, self.keys.processes, processes, "--gpus")

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        """The config that the entrypoint is given."""
        return config

    # Before a run.

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Check]:
        """What else must hold before a run; `place` is None where there is no environment yet."""
        return []

    def checkpoint_checks(self, checkpoint: Checkpoint, config: Config) -> list[Check]:
        """Does the config suit the checkpoint that it starts from?"""
        return []

    def bytes_written(self, config: Config) -> int:
        """A rough guess of the disk space that the checkpoints will take."""
        return 0

    def describe(self, config_path: Path, out: Path) -> list[str] | None:
        """Python arguments that write the model's tensors to `out`, for a transfer plan."""
        return None

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        """Write what upstream reads besides its config into the run's folder, where it runs."""

    def working_folder(self, folder: Path, tree: Path) -> Path:
        """Where the entrypoint is started."""
        return folder

    def program(self, script: Path) -> list[str]:
        """What Python is given to run."""
        return [str(script)]

    def wrapper(self, config: Config) -> list[str]:
        """Words between Python and the program: how more than one process is started."""
        return []

    # While it runs, and after it.

    def log_reader(self, config: Config) -> LogReader:
        return LogReader()

    def worth_showing(self, line: str) -> bool:
        """Is this a line of the log to show while the run goes on?"""
        return False

    def failure(self, log_tail: Sequence[str]) -> str | None:
        """The reason for a failure that upstream prints but does not exit with."""
        return None

    def checkpoints(self, folder: Path) -> list[Path]:
        """What the run has saved so far, oldest first."""
        return []

    def value(self, config: Config, path: str | None) -> Any:
        """What stands there; None where nothing does, or there is no such place."""
        if path is None:
            return None
        parents, _, last = path.rpartition(".")
        return section(config, parents).get(last)

    def _with(self, config: Config, path: str | None, value: Any, option: str) -> Config:
        if path is None:
            raise UsageError(
                f"{option} means nothing to this kind of fork", hint="its config says it, or --set"
            )
        return with_value(config, path, value)


class Family:
    """One kind of fork, or a few that are alike."""

    name = ""
    kinds: tuple[str, ...] = ()  # of entrypoints, as forks.toml names them
    # What a generated config can be asked for by name, and the values (default first).
    choices: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    header = ""  # what a generated config says first, where it is YAML; empty for JSON
    worker: str | None = None  # the module that loads a checkpoint as a policy (forkctl.inside)
    takes_goals = False  # the worker has an option `goal`: FILE[:DEMO], or a folder
    # What it adds to verdicts, of parts that only its policies have: verdict -> what to do.
    advice: Mapping[str, str] = MappingProxyType({})
    # What it adds to the command line: group -> name -> (module, attribute, one line of help).
    commands: Mapping[str, Mapping[str, tuple[str, str, str]]] = MappingProxyType({})

    def launcher(self, entrypoint: Entrypoint) -> Launcher:
        """What it takes of `entrypoint.options` is its own; the rest is refused."""
        raise NotImplementedError

    def generate(self, kind: str, request: ConfigRequest) -> Config:
        """A config for a LIBERO suite."""
        raise UsageError(
            f"no config can be generated for the kind {kind!r}",
            hint="write one, and give it to `forkctl run`",
        )

    def conventions(self) -> tuple[Convention, ...]:
        """The conventions that its policies may speak in."""
        return ()

    def statistics_files(self) -> tuple[StatisticsFile, ...]:
        """The files of statistics that its upstream reads."""
        return ()
