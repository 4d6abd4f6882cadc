"""Overlays import forkctl.checkpoints in the forks' environments: older Python, few packages."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import forkctl.checkpoints

MODULES = sorted(Path(forkctl.checkpoints.__file__).parent.glob("*.py"))
LAZY = {"torch", "safetensors"}  # imported where tensors are moved, and only there


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_each_module_is_python_3_9_and_imports_little(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    top = {_package(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))}
    everywhere = {
        _package(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    ours = {"forkctl.checkpoints", "forkctl.errors", "forkctl.reading"}
    assert top <= sys.stdlib_module_names | ours | ({"numpy"} if path.stem == "arrays" else set())
    assert everywhere - top <= sys.stdlib_module_names | LAZY | {"forkctl.checkpoints"}


def _package(node: ast.Import | ast.ImportFrom) -> str:
    name = node.names[0].name if isinstance(node, ast.Import) else str(node.module)
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "forkctl" else parts[0]
