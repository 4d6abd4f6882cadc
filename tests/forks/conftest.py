"""What the tests of all real forks share: the command, and each fork's environment.

Environments of the cpu profile are made once for the session. FORKCTL_TEST_ROBOMIMIC_PYTHON,
FORKCTL_TEST_OPENVLA_PYTHON and FORKCTL_TEST_RDT_PYTHON name ones that are there already.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import ROOT

UNREACHABLE = "upstream out of reach"  # tests/conftest.py lists the skips that say so


@pytest.fixture(scope="session")
def forkctl(session_cache: Path) -> Callable[..., str]:
    """The command, with the session's cache. Where the network is missing, a loud skip."""

    def call(*words: str, cwd: Path = ROOT) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "forkctl", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(session_cache)},
            cwd=cwd,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            trouble = f"forkctl {' '.join(words)}: {done.stdout[-300:]}{done.stderr[-300:]}"
            if words[0] in ("sync", "env"):
                pytest.skip(f"{UNREACHABLE}: {trouble}")
            pytest.fail(trouble)
        return done.stdout

    return call


@pytest.fixture(scope="session")
def fork_python(forkctl: Callable[..., str]) -> Callable[[str], Path]:
    """`fork_python("rdt")` -> the Python of the fork's environment."""

    def find(fork: str) -> Path:
        given = os.environ.get(f"FORKCTL_TEST_{fork.upper()}_PYTHON")
        if given:
            return Path(given)
        made = forkctl("env", "create", fork, "--profile", "cpu").splitlines()[-1]
        return Path(made.rpartition(" (")[0]) / "bin" / "python"

    return find
