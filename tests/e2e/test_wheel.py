"""The wheel, used outside of the checkout: it carries the forks, and brings one up."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl import __version__
from tests import ROOT
from tests.driver import Workspace, git

pytestmark = pytest.mark.index  # what builds it comes from there


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as a package index would serve both."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in out.glob("*.tar.gz")] == [f"forkctl-{__version__}.tar.gz"]
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_holds_what_the_repository_ships(site: Path) -> None:
    for name in ("patches", "overlays", "configs", "forks.toml", "forks.lock"):
        for path in (ROOT / name, *(ROOT / name).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                carried = site / "forkctl/shipped" / path.relative_to(ROOT)
                assert carried.read_bytes() == path.read_bytes()
    assert not [path for path in site.rglob("*") if "tests" in path.relative_to(site).parts]


def test_from_init_to_an_applied_fork_outside_the_checkout(
    site: Path, tmp_path: Path, real: Callable[..., Workspace], session_cache: Path
) -> None:
    real("rdt")  # skips where it is out of reach
    variables = {"PYTHONPATH": str(site), "FORKCTL_CACHE": str(session_cache)}
    workspace = Workspace(tmp_path, variables=variables)
    lost = workspace.typed("status")
    assert lost.returncode == 2
    assert "`forkctl init`" in lost.stderr
    for words in (("init",), ("sync", "rdt"), ("apply", "rdt")):
        workspace.said(*words)
    (rdt,) = json.loads(workspace.said("status", "rdt", "--json"))
    assert rdt["stands"] == "applied"
    listed = json.loads(workspace.said("patches", "rdt", "--json"))
    log = git(workspace.tree("rdt"), "log", "--format=%B")
    for patch in (patch for patch in listed if "rdt" in (patch.get("forks") or ["rdt"])):
        assert patch["subject"] in log
