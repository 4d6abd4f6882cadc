"""RDT as it is laid out by forkctl, and tiny encoders."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rdt_lab import OVERLAY, ROOT, RdtLab

# what of the overlay needs no torch is tested here, without a fork
sys.path.append(str(OVERLAY))


@pytest.fixture(scope="session")
def rdt_python(fork_python: Callable[[str], Path]) -> Path:
    return fork_python("rdt")


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
    made = RdtLab(rdt_tree, rdt_python, tiny)
    made.python_says("-m", "forkctl.families.rdt.tiny", str(tiny))
    return made


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two small synthetic LIBERO files, raw."""
    from forkctl.libero.synth import SynthOptions, write_suite

    folder = tmp_path_factory.mktemp("demos")
    list(write_suite(folder, "libero_spatial", SynthOptions(demos=3, image_size=32), tasks=2))
    return folder
