"""A task's definition and its fixed initial states, from LIBERO's package."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from forkctl.checkpoints.arrays import NumbersOnly
from forkctl.checkpoints.unpickling import LONGEST_PICKLE
from forkctl.libero.errors import UnknownTaskError
from forkctl.libero.suites import find_suite
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.settings import package_folder


def bddl_path(task: str) -> Path:
    """The file that says what stands where and what the goal is."""
    return _existing(package_folder() / "bddl_files" / _suite_name(task) / f"{task}.bddl")


def init_states(task: str) -> npt.NDArray[np.float64]:
    """The states (50, D) that LIBERO evaluates this task from."""
    path = package_folder() / "init_files" / _suite_name(task) / f"{task}.pruned_init"
    return states_in(_existing(path))


def states_in(path: Path) -> npt.NDArray[np.float64]:
    """torch saved them, but they hold no tensor, and reading them needs no torch."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(each for each in archive.namelist() if each.endswith("/data.pkl"))
            if archive.getinfo(name).file_size > LONGEST_PICKLE:
                raise ValueError("it is too long")
            loaded = NumbersOnly(io.BytesIO(archive.read(name))).load()
        return np.asarray(loaded, dtype=np.float64)
    except Exception as error:  # a damaged pickle can raise anything at all
        raise SimulationError(
            f"not a file of initial states: {error}",
            where=str(path),
            hint="they are not LIBERO's own: forkctl env create libero-sim",
        ) from error


def _suite_name(task: str) -> str:
    suite = find_suite(task)
    if suite is None:
        raise UnknownTaskError(f"LIBERO has no task {task!r}", hint="forkctl data inspect SUITE")
    return suite.name


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SimulationError("LIBERO's package lacks a file of this task", where=str(path))
    return path
