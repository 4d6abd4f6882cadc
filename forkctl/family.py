"""How to speak to each upstream's training entrypoint: one module each, the same few names.

A fork names its launcher by `kind` in forks.toml. To add one, write a module with a class that has
what `Launcher` lists, and add a line to `launcher_for`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from forkctl.checks import Finding
from forkctl.environments.environment import Environment
from forkctl.errors import UsageError
from forkctl.training.metrics import Metric

Config = dict[str, Any]


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
    choices: Mapping[str, str] = field(default_factory=dict)  # see Launcher.choices


@dataclass(frozen=True)
class RunInputs:
    """What a run gives an upstream: where to write, what to read, how long."""

    name: str
    folder: Path
    data: Path  # one file that upstream can read as it is; made where `wants_one_file`
    steps: int | None
    files: tuple[Path, ...] = ()  # the LIBERO files themselves


@dataclass(frozen=True)
class Place:
    """Where upstream's code runs."""

    tree: Path
    environment: Environment


@dataclass(frozen=True)
class Adopted:
    """A config that has taken the words after -- into itself, as far as they belong there."""

    config: Config
    words: tuple[str, ...]  # what is left for the entrypoint as it is
    findings: tuple[Finding, ...] = ()  # what was understood otherwise than it was written


class LogReader(Protocol):
    """Turns what upstream prints into metrics."""

    def feed(self, line: str) -> Metric | None: ...


class Launcher(Protocol):
    @property
    def packages(self) -> tuple[str, ...]:
        """Top-level packages that must come from the fork's tree."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What must import for training to work: the heavy dependencies."""

    @property
    def wants_one_file(self) -> bool:
        """Upstream reads one HDF5 file; else it is given LIBERO's own files."""

    @property
    def transfers(self) -> bool:
        """Upstream takes over a part of a checkpoint, and forkctl plans which."""

    @property
    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """What a generated config can be asked for by name, and the values (default first)."""

    @property
    def header(self) -> str:
        """What a generated config says first, where it is YAML; empty for JSON."""

    def generate(self, request: ConfigRequest) -> Config: ...

    @property
    def validator(self) -> Path:
        """A script for the fork's environment: a config's path in, upstream's complaint out."""

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted: ...

    def name_of(self, config: Config) -> str | None:
        """What the config calls the run."""

    def data_of(self, config: Config) -> tuple[str, ...]:
        """The data paths that the config names: files, or folders of them."""

    def checkpoint_of(self, config: Config) -> str | None: ...

    def with_data(self, config: Config, paths: Sequence[str]) -> Config: ...

    def with_checkpoint(self, config: Config, path: str) -> Config: ...

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        """The config that the entrypoint is given."""

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Finding]:
        """What else must hold before a run; `place` is None where there is no environment yet."""

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        """Write what upstream reads besides its config into the run's folder, where it runs."""

    def wrapper(self, config: Config) -> list[str]:
        """Words between Python and the script: how more than one process is started."""

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        """The entrypoint's own command line; refuses a resume that upstream does not have."""

    def steps_of(self, config: Config) -> int | None:
        """How many optimiser steps the config asks for, if it can be told."""

    def bytes_written(self, config: Config) -> int:
        """A rough guess of the disk space that the checkpoints will take."""

    def log_reader(self, config: Config) -> LogReader: ...

    def worth_showing(self, line: str) -> bool:
        """A line of the log that a person should see while the run goes on."""

    def describe(self, config_path: Path, out: Path) -> list[str] | None:
        """Python arguments that write the model's tensors to `out`, for a transfer plan."""

    def failure(self, log_tail: Sequence[str]) -> str | None:
        """The reason for a failure that upstream prints but does not exit with."""

    def checkpoints(self, folder: Path) -> list[Path]:
        """What the run has saved so far, oldest first."""


def launcher_for(kind: str) -> Launcher:
    if kind in ("robomimic", "droid", "robomimic-release"):
        from forkctl.families.robomimic import launcher as robomimic

        return robomimic.RobomimicLauncher(robomimic.dialect(kind))
    if kind == "openvla":
        from forkctl.families.openvla.launcher import OpenVLALauncher

        return OpenVLALauncher()
    if kind == "rdt":
        from forkctl.families.rdt.launcher import RdtLauncher

        return RdtLauncher()
    raise UsageError(
        f"there is no launcher for the kind {kind!r}",
        where="forks.toml",
        hint="kinds: robomimic, droid, robomimic-release, openvla, rdt",
    )
