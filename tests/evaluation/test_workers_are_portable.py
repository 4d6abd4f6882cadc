"""What runs inside a fork's environment must run on Python 3.9 and import nothing else of ours."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from forkctl.evaluation import workers, worlds

FILES = sorted(Path(workers.__file__).parent.glob("*.py"))
WORLD_FILES = sorted(Path(worlds.__file__).parent.glob("*.py"))
ALLOWED = ("forkctl.evaluation.workers", "forkctl.libero")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_worker_is_python_3_9_and_stands_alone(file):
    assert_imports(file, ALLOWED)


@pytest.mark.parametrize("file", WORLD_FILES, ids=lambda file: file.stem)
def test_a_world_needs_the_simulator_and_nothing_else_of_ours(file):
    assert_imports(file, (*ALLOWED, "forkctl.simulation"))


def assert_imports(file: Path, allowed: tuple[str, ...]) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            ours = name.split(".")[0] == "forkctl"
            assert not ours or name.startswith(allowed), name


def test_the_packages_above_import_nothing():
    """Importing a worker runs these too, in the fork's Python."""
    root = Path(workers.__file__).parent
    for file in (root.parent / "__init__.py", root / "__init__.py"):
        nodes = ast.parse(file.read_text()).body
        assert not any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in nodes)
