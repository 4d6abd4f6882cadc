"""A workspace with LIBERO's simulator, or a loud skip.

An environment of it is made for the session; FORKCTL_TEST_LIBERO_SIM_PYTHON names one that is there
already. FORKCTL_LIBERO_ASSETS must name LIBERO's assets: they are in no package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import forkctl
from forkctl.forks.workspace import find_workspace
from forkctl.training.simulator import find_simulator

ROOT = Path(forkctl.__file__).parents[1]
UNREACHABLE = "upstream out of reach"


class SimulatorLab:
    def __init__(self, root: Path, cache: Path, python: str | None) -> None:
        self.root = root
        self._cache = cache
        self._python = python

    @property
    def own(self) -> list[str]:
        return ["--env", self._python] if self._python else []

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(self._cache)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "forkctl", *words],
            cwd=self.root,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def forkctl(self, *words: str) -> str:
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == 0, f"{words}: {out[-2000:]}{err[-2000:]}"
        return out

    def inside(self, script: Path, *words: str) -> Any:
        """What a script says, last line, that runs in the simulator's environment."""
        os.environ["FORKCTL_CACHE"], before = str(self._cache), os.environ.get("FORKCTL_CACHE", "")
        try:
            simulator = find_simulator(find_workspace(self.root), self._python)
        finally:
            os.environ["FORKCTL_CACHE"] = before
        done = subprocess.run(
            [str(simulator.python), str(script), *words],
            env=dict(simulator.variables),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def simulator_lab(tmp_path_factory: pytest.TempPathFactory) -> SimulatorLab:
    if not os.environ.get("FORKCTL_LIBERO_ASSETS"):
        pytest.skip(f"{UNREACHABLE}: LIBERO's assets (set FORKCTL_LIBERO_ASSETS)")
    root = tmp_path_factory.mktemp("simulator-lab")
    shutil.copytree(ROOT / "configs" / "envs", root / "configs" / "envs")
    shutil.copy(ROOT / "forks.toml", root)
    cache = tmp_path_factory.mktemp("simulator-cache")
    lab = SimulatorLab(root, cache, os.environ.get("FORKCTL_TEST_LIBERO_SIM_PYTHON"))
    if not lab.own:
        making = lab.start("env", "create", "libero-sim", "--profile", "cpu")
        _, err = making.communicate()
        if making.returncode:
            pytest.skip(f"{UNREACHABLE}: the simulator's packages: {err[-300:]}")
    return lab
