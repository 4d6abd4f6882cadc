"""RDT as it is laid out by forkctl, an environment to run it in, and tiny encoders.

An environment of the cpu profile is made for the session; FORKCTL_TEST_RDT_PYTHON names one that is
there already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rdt_lab import OVERLAY, ROOT, RdtLab

_UNREACHABLE = "upstream out of reach"  # tests/conftest.py lists the skips that say so

# what of the overlay needs no torch is tested here, without a fork
sys.path.append(str(OVERLAY))


@pytest.fixture(scope="session")
def forkctl(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The command, with a cache of the session's own. Where the network is missing, a loud skip."""
    cache = tmp_path_factory.mktemp("forkctl-cache")

    def call(*words: str, cwd: Path = ROOT) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "forkctl", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(cache)},
            cwd=cwd,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            trouble = f"forkctl {' '.join(words)}: {done.stdout[-300:]}{done.stderr[-300:]}"
            if words[0] in ("sync", "env"):
                pytest.skip(f"{_UNREACHABLE}: {trouble}")
            pytest.fail(trouble)
        return done.stdout

    return call


@pytest.fixture(scope="session")
def rdt_python(forkctl: Callable[..., str]) -> Path:
    given = os.environ.get("FORKCTL_TEST_RDT_PYTHON")
    if given:
        return Path(given)
    made = forkctl("env", "create", "rdt", "--profile", "cpu").splitlines()[-1]
    return Path(made.rpartition(" (")[0]) / "bin" / "python"


@pytest.fixture(scope="session")
def rdt_tree(tmp_path_factory: pytest.TempPathFactory, forkctl: Callable[..., str]) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    for folder in ("overlays/rdt", "patches/rdt", "configs/envs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "forks.toml", root)
    forkctl("sync", "rdt", cwd=root)
    forkctl("apply", "rdt", cwd=root)
    return root / "forks" / "rdt"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, rdt_tree: Path, rdt_python: Path) -> RdtLab:
    tiny = tmp_path_factory.mktemp("tiny")
    maker = ROOT / "forkctl" / "training" / "tiny" / "rdt.py"
    done = subprocess.run([rdt_python, maker, tiny], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return RdtLab(rdt_tree, rdt_python, tiny)


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two small synthetic LIBERO files, raw."""
    from forkctl.libero.synth import SynthOptions, write_suite

    folder = tmp_path_factory.mktemp("demos")
    list(write_suite(folder, "libero_spatial", SynthOptions(demos=3, image_size=32), tasks=2))
    return folder
