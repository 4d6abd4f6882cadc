"""OpenVLA as forkctl lays it out, an environment to run it in, a tiny checkpoint, synthetic demos.

An environment of the cpu profile is made for the session; FORKCTL_TEST_OPENVLA_PYTHON names one
that is there already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from openvla_lab import ROOT, OpenVLALab

_UNREACHABLE = "upstream out of reach"  # tests/conftest.py lists the skips that say so


def _or_skip(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode != 0:
        pytest.skip(f"{_UNREACHABLE}: {done.args[3:]}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout


@pytest.fixture(scope="session")
def openvla(tmp_path_factory: pytest.TempPathFactory) -> OpenVLALab:
    """A workspace of the session's own with the fork in it, patched, and its environment."""
    workspace = tmp_path_factory.mktemp("openvla")
    cache = tmp_path_factory.mktemp("openvla-cache")
    for name in ("patches", "overlays", "configs"):
        shutil.copytree(ROOT / name, workspace / name)
    shutil.copy(ROOT / "forks.toml", workspace)
    given = os.environ.get("FORKCTL_TEST_OPENVLA_PYTHON")
    lab = OpenVLALab(workspace, Path(given or "python"), cache)
    _or_skip(lab.forkctl("sync", "openvla"))
    applied = lab.forkctl("apply", "openvla")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    if given is None:
        made = _or_skip(lab.forkctl("env", "create", "openvla", "--profile", "cpu"))
        prefix = made.splitlines()[-1].rpartition(" (")[0]
        lab = OpenVLALab(workspace, Path(prefix) / "bin" / "python", cache)
    return lab


@pytest.fixture(scope="session")
def tiny(openvla: OpenVLALab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random OpenVLA of a few million weights."""
    out = tmp_path_factory.mktemp("tiny") / "tiny-openvla"
    done = openvla.run("-m", "forkctl.training.tiny.openvla", str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="session")
def libero(openvla: OpenVLALab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks of three synthetic demos each, in LIBERO's own (raw) layout."""
    out = tmp_path_factory.mktemp("libero")
    words = ["--tasks", "2", "--demos", "3", "--image-size", "64", "--layout", "raw"]
    done = openvla.forkctl("data", "synth", "libero_spatial", *words, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return next(out.glob("**/*.hdf5")).parent
