"""The wheel, used outside of the checkout: it carries the forks, and brings one up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl import __version__

ROOT = Path(__file__).parents[2]


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


@pytest.mark.upstream
def test_from_init_to_an_applied_fork_outside_the_checkout(
    site: Path, tmp_path: Path, upstream_clone: Callable[[str], Path]
) -> None:
    upstream_clone("rdt")  # skips where it is out of reach

    def forkctl(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "forkctl", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )

    lost = forkctl("status")
    assert lost.returncode == 2
    assert "`forkctl init`" in lost.stderr
    for words in (("init",), ("sync", "rdt"), ("apply", "rdt")):
        done = forkctl(*words)
        assert done.returncode == 0, done.stderr
    (rdt,) = json.loads(forkctl("status", "rdt", "--json").stdout)
    assert rdt["stands"] == "applied"
    listed = json.loads(forkctl("patches", "rdt", "--json").stdout)
    log = subprocess.run(
        ["git", "-C", str(tmp_path / "forks/rdt"), "log", "--format=%B"],
        capture_output=True,
        text=True,
        check=True,
    )
    for patch in (patch for patch in listed if "rdt" in (patch.get("forks") or ["rdt"])):
        assert patch["subject"] in log.stdout
