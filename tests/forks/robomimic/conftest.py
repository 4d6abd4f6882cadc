"""The three robomimic forks as they are laid out by forkctl.

`patched` has the whole series. `pristine` is upstream's own code with nothing but the two patches
without which it cannot be imported offline, so that a test can show that it fails there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lab import FORKS, ROOT, Lab

_IMPORTABLE = ("0006-lazy-language-model.yaml", "0007-lazy-imports-droid.yaml")
_UNREACHABLE = "upstream out of reach"  # tests/conftest.py lists the skips that say so


@pytest.fixture(scope="session")
def robomimic_python(fork_python: Callable[[str], Path]) -> Path:
    return fork_python("robomimic")


def _lay_out(root: Path, forkctl: Callable[..., str], keep: tuple[str, ...] | None) -> Path:
    shutil.copytree(ROOT / "overlays" / "robomimic", root / "overlays" / "robomimic")
    (root / "patches" / "robomimic").mkdir(parents=True)
    for patch in sorted((ROOT / "patches" / "robomimic").iterdir()):
        if keep is None or patch.name in keep:
            shutil.copy(patch, root / "patches" / "robomimic")
    shutil.copytree(ROOT / "configs" / "envs", root / "configs" / "envs")
    shutil.copy(ROOT / "forks.toml", root)
    for fork in FORKS:
        try:
            forkctl("sync", fork, cwd=root)
        except pytest.skip.Exception:
            continue  # one that cannot be reached leaves the others; `_lab` skips where it is asked
        forkctl("apply", fork, cwd=root)
    return root / "forks"


def _lab(fork: str, trees: Path, python: Path, pristine: bool) -> Lab:
    if not (trees / fork).exists():
        pytest.skip(f"{_UNREACHABLE}: the fork {fork} could not be synced")
    return Lab(fork, trees / fork, python, pristine)


@pytest.fixture(scope="session")
def patched_trees(tmp_path_factory: pytest.TempPathFactory, forkctl: Callable[..., str]) -> Path:
    return _lay_out(tmp_path_factory.mktemp("patched"), forkctl, None)


@pytest.fixture(scope="session")
def pristine_trees(tmp_path_factory: pytest.TempPathFactory, forkctl: Callable[..., str]) -> Path:
    return _lay_out(tmp_path_factory.mktemp("pristine"), forkctl, _IMPORTABLE)


@pytest.fixture(scope="session")
def patched(patched_trees: Path, robomimic_python: Path) -> Callable[[str], Lab]:
    return lambda fork: _lab(fork, patched_trees, robomimic_python, pristine=False)


@pytest.fixture(scope="session")
def pristine(pristine_trees: Path, robomimic_python: Path) -> Callable[[str], Lab]:
    return lambda fork: _lab(fork, pristine_trees, robomimic_python, pristine=True)


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory, forkctl: Callable[..., str]) -> list[Path]:
    """Two small synthetic LIBERO files, raw."""
    return _synthesise(tmp_path_factory.mktemp("raw"), forkctl, "raw", 2)


@pytest.fixture(scope="session")
def regenerated(tmp_path_factory: pytest.TempPathFactory, forkctl: Callable[..., str]) -> Path:
    """One synthetic file of the regenerated layout, which carries no attributes."""
    return _synthesise(tmp_path_factory.mktemp("regenerated"), forkctl, "regenerated", 1)[0]


def _synthesise(folder: Path, forkctl: Callable[..., str], layout: str, tasks: int) -> list[Path]:
    words = ["--tasks", str(tasks), "--demos", "3", "--image-size", "64", "--layout", layout]
    forkctl("data", "synth", "libero_spatial", *words, "--out", str(folder / "data"))
    return sorted((folder / "data").glob("**/*.hdf5"))
