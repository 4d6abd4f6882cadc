"""LIBERO's simulator as a process: its environment and its variables.

It is an environment of the workspace that belongs to no fork, `[env.libero-sim]`; what runs inside
is `forkctl.simulation`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from forkctl.checks import Check, failed, ok, warning
from forkctl.environments.binding import process_variables
from forkctl.environments.environment import find_environment, own_environment
from forkctl.environments.libero_assets import recorded_assets
from forkctl.environments.selecting import lock_by_spec
from forkctl.errors import ForkctlError
from forkctl.forks.manifest import load
from forkctl.forks.workspace import Workspace
from forkctl.places import cache_root
from forkctl.simulation.settings import ASSETS, HOW

NAME = "libero-sim"
_DARK_FLOORS = (3, 3, 3)  # from this mujoco on
_RENDERER_HINT = "install libegl1 (or libosmesa6), or set MUJOCO_GL"


@dataclass(frozen=True)
class Simulator:
    python: Path
    variables: Mapping[str, str]

    def command(self, *arguments: str) -> list[str]:
        """`forkctl.simulation` as a program of that Python."""
        return [str(self.python), "-m", "forkctl.simulation", *arguments]


def find_simulator(workspace: Workspace, own: str | None = None) -> Simulator:
    """The workspace's simulator, or the one in an environment of the user's."""
    if own is not None:
        environment = own_environment(own)
    else:
        spec = load(workspace.manifest).environment(NAME)
        if spec is None:
            raise ForkctlError(
                "no simulator is declared",
                where=workspace.manifest.name,
                hint=f'add [env.{NAME}] with python = "3.11" and locks = "configs/envs/{NAME}"',
            )
        made = find_environment(lock_by_spec(workspace, spec, "cpu"))
        if made is None:
            raise ForkctlError(
                "the simulator's environment is not made yet", hint=f"forkctl env create {NAME}"
            )
        environment = made
    assets = recorded_assets()
    home = cache_root() / "simulator"
    name = environment.prefix.resolve().name  # a config names the package's own folders
    variables = {
        "LIBERO_CONFIG_PATH": str(home / f"libero-{name}"),
        "NUMBA_CACHE_DIR": str(home / f"numba-{name}"),
        **({ASSETS: str(assets.folder)} if assets else {}),
        **process_variables(environment, ()),
    }
    return Simulator(environment.python, variables)


@dataclass(frozen=True)
class SimulatorState:
    """What the simulator said of itself; `failure` instead, where it could not."""

    mujoco: str = ""
    renderer: str = ""
    device: str = ""
    assets: str | None = None
    failure: str | None = None


def ask_simulator(simulator: Simulator) -> SimulatorState:
    """Render a frame of a small scene there."""
    done = subprocess.run(
        simulator.command("probe"), env=dict(simulator.variables), capture_output=True, text=True
    )
    try:
        return SimulatorState(**json.loads(done.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        reason = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        return SimulatorState(failure=reason)


def check_simulator(workspace: Workspace) -> Iterator[Check]:
    """For `forkctl doctor`; nothing if the workspace has no simulator."""
    subject = "simulator"
    if load(workspace.manifest).environment(NAME) is None:
        return
    try:
        simulator = find_simulator(workspace)
    except ForkctlError as error:
        yield warning(subject, error.message, error.hint)
        return
    state = ask_simulator(simulator)
    if state.failure is not None:
        yield failed(subject, f"no frame could be rendered: {state.failure}", _RENDERER_HINT)
        return
    yield ok(subject, f"mujoco {state.mujoco}, frames by {state.renderer} on {state.device}")
    if renders_dark_floors(state.mujoco):
        text = f"mujoco {state.mujoco} renders floors darker than published results saw them"
        yield warning(subject, text)
    yield check_assets(simulator, state)


def check_assets(simulator: Simulator, state: SimulatorState) -> Check:
    subject = "LIBERO's assets"
    folder = simulator.variables.get(ASSETS)
    if state.assets is None:
        if folder:
            return failed(subject, f"there are none in {folder}", HOW)
        return warning(subject, "LIBERO will download them from the hub", HOW)
    recorded = recorded_assets()
    if recorded is None or Path(state.assets) != recorded.folder:
        return ok(subject, f"{state.assets}, as they are")
    if faults := recorded.faults():
        text = f"{len(faults)} of {len(recorded.files)} files are gone or differ: {faults[0]}"
        return failed(subject, text, f"forkctl env assets {' '.join(recorded.suites)}")
    return ok(subject, f"{len(recorded.files)} files for {', '.join(recorded.suites)}")


def renders_dark_floors(mujoco: str) -> bool:
    """Darker than in published results, which costs policies that look at them."""
    return tuple(int(part) for part in re.findall(r"\d+", mujoco)[:3]) >= _DARK_FLOORS
