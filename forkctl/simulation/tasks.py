"""A task's definition and its fixed initial states, from LIBERO's package."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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
    # torch saved them, but they hold no tensor, and reading them needs no torch
    with zipfile.ZipFile(_existing(path)) as archive:
        name = next(each for each in archive.namelist() if each.endswith("/data.pkl"))
        loaded = _NumpyOnly(io.BytesIO(archive.read(name))).load()
    return np.asarray(loaded, dtype=np.float64)


class _NumpyOnly(pickle.Unpickler):
    """A pickle can run anything; these hold an array only."""

    def find_class(self, module: str, name: str) -> Any:
        harmless = name in ("_reconstruct", "ndarray", "dtype")
        if (module.split(".")[0] == "numpy" and harmless) or (module, name) == (
            "_codecs",
            "encode",
        ):
            return super().find_class(module, name)
        raise SimulationError(
            f"initial states hold {module}.{name}, not only numbers",
            hint="they are not LIBERO's own: forkctl env create libero-sim",
        )


def _suite_name(task: str) -> str:
    suite = find_suite(task)
    if suite is None:
        raise UnknownTaskError(f"LIBERO has no task {task!r}", hint="forkctl data inspect SUITE")
    return suite.name


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SimulationError("LIBERO's package lacks a file of this task", where=str(path))
    return path
