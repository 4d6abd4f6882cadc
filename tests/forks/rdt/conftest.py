"""RDT as forkctl lays it out, an environment to run it in, tiny encoders, synthetic demos.

An environment of the cpu profile is made for the session; FORKCTL_TEST_RDT_PYTHON names one that is
there already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from rdt_lab import ROOT, RdtLab

_UNREACHABLE = "upstream out of reach"  # tests/conftest.py lists the skips that say so


def _or_skip(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode != 0:
        pytest.skip(f"{_UNREACHABLE}: {done.args[3:]}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout


@pytest.fixture(scope="session")
def rdt(tmp_path_factory: pytest.TempPathFactory) -> RdtLab:
    """A workspace of the session's own with the fork in it, patched, and its environment."""
    workspace = tmp_path_factory.mktemp("rdt")
    cache = tmp_path_factory.mktemp("rdt-cache")
    for name in ("patches", "overlays", "configs"):
        shutil.copytree(ROOT / name, workspace / name)
    shutil.copy(ROOT / "forks.toml", workspace)
    given = os.environ.get("FORKCTL_TEST_RDT_PYTHON")
    lab = RdtLab(workspace, Path(given or "python"), cache)
    _or_skip(lab.forkctl("sync", "rdt"))
    lab.ok("apply", "rdt")
    if given is None:
        made = _or_skip(lab.forkctl("env", "create", "rdt", "--profile", "cpu"))
        prefix = made.splitlines()[-1].rpartition(" (")[0]
        lab = RdtLab(workspace, Path(prefix) / "bin" / "python", cache)
    return lab


@pytest.fixture(scope="session")
def tiny(rdt: RdtLab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random encoders: siglip/, t5/, and model.yaml."""
    out = tmp_path_factory.mktemp("tiny-rdt")
    done = rdt.run("-m", "forkctl.training.tiny.rdt", str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="session")
def libero(rdt: RdtLab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks of three synthetic demos each, in LIBERO's own (raw) layout."""
    out = tmp_path_factory.mktemp("libero") / "libero_spatial"
    words = ["--tasks", "2", "--demos", "3", "--image-size", "48", "--layout", "raw"]
    rdt.ok("data", "synth", "libero_spatial", *words, "--out", str(out))
    return out
