"""Forks in their environments. Those of the cpu profile are made once for all tests;
FORKCTL_TEST_ROBOMIMIC_PYTHON, FORKCTL_TEST_OPENVLA_PYTHON, FORKCTL_TEST_RDT_PYTHON and
FORKCTL_TEST_LIBERO_SIM_PYTHON name ones that are there already.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import skip_loudly
from tests.driver import Fork, Workspace

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def python_of(real: Callable[..., Workspace]) -> Callable[[str], Path]:
    """`python_of("rdt")` -> the Python of that environment."""

    def find(name: str) -> Path:
        variable = f"FORKCTL_TEST_{name.replace('-', '_').upper()}_PYTHON"
        if given := os.environ.get(variable):
            return Path(given)
        made = real().typed("env", "create", name, "--profile", "cpu")
        if made.returncode:
            skip_loudly(f"the packages of {name} are out of reach: {made.stderr[-300:]}")
        return Path(made.stdout.splitlines()[-1].rpartition(" (")[0]) / "bin" / "python"

    return find


@pytest.fixture(scope="session")
def real_fork(
    real: Callable[..., Workspace], python_of: Callable[[str], Path]
) -> Callable[[str], Fork]:
    """`real_fork("rdt")` -> the fork, applied, with its environment and the probes beside it."""
    return lambda name: Fork(real(name), name, python_of(name), HERE / name)
