"""Overlays import forkctl.libero in each fork's own environment: Python 3.9, numpy and h5py."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import forkctl
from forkctl.libero.units.measure import Wanted, measure
from tests.conftest import skip_loudly
from tests.libero.handmade import write_file

PACKAGE = Path(forkctl.__file__).parent
SOURCES = sorted(
    [
        *(PACKAGE / "libero").rglob("*.py"),
        *(PACKAGE / "inside").rglob("*.py"),
        *(PACKAGE / f"{name}.py" for name in ("errors", "atomic", "lifetime", "places", "reading")),
    ]
)
OURS = (
    *("forkctl.libero", "forkctl.inside", "forkctl.errors", "forkctl.atomic", "forkctl.lifetime"),
    *("forkctl.places", "forkctl.reading"),
)
LAZY_ONLY = {"cv2", "matplotlib", "huggingface_hub", "torch"}

EXERCISE = """
import importlib, pkgutil, sys
from pathlib import Path
import forkctl.libero
assert sys.version_info[:2] == (3, 9), sys.version
for module in pkgutil.walk_packages(forkctl.libero.__path__, "forkctl.libero."):
    importlib.import_module(module.name)
from forkctl.libero.units.measure import Wanted, measure
import forkctl.inside
for module in pkgutil.walk_packages(forkctl.inside.__path__, "forkctl.inside."):
    importlib.import_module(module.name)
from forkctl.libero.units.conventions import LIBERO
found = measure([Path(sys.argv[1])], Wanted((LIBERO,)))
print(repr(found.actions["libero"].mean.tolist()))
"""


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_parses_and_imports_nothing_else(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    names = {name for node in ast.walk(tree) for name in imported(node)}
    ours = {name for name in names if name.split(".")[0] == "forkctl"}
    assert all(name.startswith(OURS) or name == "forkctl" for name in ours), ours
    others = {name.split(".")[0] for name in names - ours} - {"numpy", "h5py"}
    assert others - LAZY_ONLY <= sys.stdlib_module_names
    at_import = {name.split(".")[0] for node in tree.body for name in imported(node)}
    assert not at_import & LAZY_ONLY


def python39() -> str | None:
    """A Python 3.9 that runs, from PATH or among pyenv's."""
    versions = Path(os.environ.get("PYENV_ROOT", Path("~/.pyenv").expanduser())) / "versions"
    candidates = [shutil.which("python3.9"), *map(str, versions.glob("3.9.*/bin/python"))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None


@pytest.mark.index
def test_runs_on_python_39_and_measures_the_same(tmp_path: Path) -> None:
    """In an environment of numpy and h5py alone, with nothing else of forkctl."""
    found = python39()
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None or uv is None:
        skip_loudly("Python 3.9: no python3.9, or no uv, on this machine")
    environment = tmp_path / "env"
    subprocess.run([uv, "venv", "--quiet", "--python", found, environment], check=True)
    python = environment / "bin" / "python"
    command = [uv, "pip", "install", "--quiet", "--python", python, "numpy", "h5py"]
    if subprocess.run(command).returncode != 0:
        skip_loudly("Python 3.9: numpy and h5py cannot be installed from here")
    alone = tmp_path / "alone" / "forkctl"
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("libero", "inside"):
        shutil.copytree(PACKAGE / part, alone / part, ignore=ignored)
    for module in ("__init__", "errors", "atomic"):
        shutil.copy(PACKAGE / f"{module}.py", alone)
    data = write_file(tmp_path / "a_demo.hdf5")
    done = subprocess.run(
        [python, "-c", EXERCISE, data],
        env={**os.environ, "PYTHONPATH": str(alone.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    here = measure([data], Wanted())
    theirs = ast.literal_eval(done.stdout)
    assert theirs == pytest.approx(here.actions["libero"].mean.tolist(), rel=1e-12)
