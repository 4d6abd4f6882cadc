"""The arrows of docs/architecture.md, read from the imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "forkctl"
# What each part may import, besides itself and forkctl.errors. Only parts that run on their own in
# other environments may not even import those.
BELOW = {
    "libero": set(),
    "simulation": {"libero"},
    "forks": set(),
    "patching": {"forks"},
    "checkpoints": set(),
    "training": {"checkpoints", "patching", "forks", "simulation", "libero"},
    "evaluation": {"training", "checkpoints", "patching", "forks", "libero", "simulation"},
    "cli": {"evaluation", "training", "checkpoints", "patching", "forks", "simulation", "libero"},
}
ALONE = ("libero", "simulation")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path, *, at_import_only: bool = False) -> Iterator[str]:
    """Modules of forkctl that a file imports; without those that only a type checker sees."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if at_import_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("forkctl"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)
        pending += ast.iter_child_nodes(node)


@pytest.mark.parametrize("part", BELOW)
def test_arrows_point_one_way(part: str) -> None:
    allowed = {part, *BELOW[part], *(() if part in ALONE else ("errors", "__init__"))}
    wrong = []
    for name, path in MODULES.items():
        if name.split(".")[1:2] == [part]:
            for target in imports(path):
                if target.startswith("forkctl.") and target.split(".")[1] not in allowed:
                    wrong.append(f"{name} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_every_part_has_its_arrows() -> None:
    parts = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert parts == set(BELOW)


def test_no_module_imports_itself_by_a_detour() -> None:
    """Also not inside a function, but for the table of launchers, which names them by kind."""
    registry = "forkctl.family"
    graph = {
        name: set(imports(path, at_import_only=name == registry)) - {name}
        for name, path in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_page_names_modules_that_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for part in BELOW:
        assert f"forkctl/{part}/" in page
    for section in page.split("\n## "):
        heading = section.partition("\n")[0]
        places = [ROOT, PACKAGE, *([ROOT / heading] if heading.startswith("forkctl/") else [])]
        named = re.findall(r"`((?:\w+/)+(?:\w+(?:\.py)?)?)`", section)
        if heading.startswith("forkctl/"):
            cells = (row.split("|")[2] for row in section.split("\n") if row.startswith("| "))
            named += re.findall(r"`([a-z_]+)`", " ".join(cells))
        for name in named:
            found = [(place / name, place / f"{name}.py") for place in places]
            assert any(path.exists() for pair in found for path in pair), f"{heading}: {name}"
