"""OpenVLA as forkctl lays it out, a tiny checkpoint, synthetic demos."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from openvla_lab import ROOT, OpenVLALab


@pytest.fixture(scope="session")
def openvla(
    tmp_path_factory: pytest.TempPathFactory,
    session_cache: Path,
    forkctl: Callable[..., str],
    fork_python: Callable[[str], Path],
) -> OpenVLALab:
    """A workspace of the session's own with the fork in it, patched, and its environment."""
    workspace = tmp_path_factory.mktemp("openvla")
    for name in ("patches", "overlays", "configs"):
        shutil.copytree(ROOT / name, workspace / name)
    shutil.copy(ROOT / "forks.toml", workspace)
    forkctl("sync", "openvla", cwd=workspace)
    forkctl("apply", "openvla", cwd=workspace)
    return OpenVLALab(workspace, fork_python("openvla"), session_cache)


@pytest.fixture(scope="session")
def tiny(openvla: OpenVLALab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random OpenVLA of a few million weights."""
    out = tmp_path_factory.mktemp("tiny") / "tiny-openvla"
    done = openvla.run("-m", "forkctl.families.openvla.tiny", str(out))
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
