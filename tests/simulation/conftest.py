"""A workspace with LIBERO's simulator, or a loud skip.

An environment of it is made for the session; FORKCTL_TEST_LIBERO_SIM_PYTHON names one that is there
already. FORKCTL_LIBERO_ASSETS must name LIBERO's assets: they are in no package.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from simulator_lab import ROOT, SimulatorLab

UNREACHABLE = "upstream out of reach"


@pytest.fixture(scope="session")
def simulator_lab(tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> SimulatorLab:
    if not os.environ.get("FORKCTL_LIBERO_ASSETS"):
        pytest.skip(f"{UNREACHABLE}: LIBERO's assets (set FORKCTL_LIBERO_ASSETS)")
    root = tmp_path_factory.mktemp("simulator-lab")
    shutil.copytree(ROOT / "configs" / "envs", root / "configs" / "envs")
    shutil.copy(ROOT / "forks.toml", root)
    lab = SimulatorLab(root, session_cache, os.environ.get("FORKCTL_TEST_LIBERO_SIM_PYTHON"))
    if not lab.own:
        making = lab.start("env", "create", "libero-sim", "--profile", "cpu")
        _, err = making.communicate()
        if making.returncode:
            pytest.skip(f"{UNREACHABLE}: the simulator's packages: {err[-300:]}")
    return lab
