"""The arrows of docs/architecture.md, read from the imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from forkctl.families.registry import families
from forkctl.family import Family
from tests import ROOT

PACKAGE = ROOT / "forkctl"
OVERLAYS = ROOT / "overlays"
# What each part may import besides itself, from the bottom of the house up. A part is a package, or
# a module that lies beside them.
GROUND = {"errors", "atomic", "scratch", "reading", "places", "lifetime", "escaping"}
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "atomic": set(),
    "reading": set(),
    "places": {"errors"},
    "lifetime": set(),
    "escaping": set(),
    "scratch": {"errors", "atomic"},
    "libero": GROUND,
    "inside": {"libero", *GROUND},
    "simulation": {"inside", "libero", "checkpoints", *GROUND},
    "checkpoints": GROUND,
    "checks": GROUND,
    "output": {"checks", *GROUND},
    "configs": GROUND,
    "forks": GROUND,
    "patching": {"forks", *GROUND},
}
BELOW["environments"] = {"checks", "simulation", "libero", *BELOW["patching"], "patching"}
BELOW["family"] = {"environments", "configs", "checkpoints", *BELOW["environments"]}
BELOW["training"] = {"family", "inside", *BELOW["family"]}
BELOW["evaluation"] = {"inside", *BELOW["training"]}
BELOW["families"] = {"training", "evaluation", "output", *BELOW["training"], *BELOW["evaluation"]}
BELOW["cli"] = {"families", *BELOW["families"]}
# What runs in the forks' own environments: of a family it sees that family alone.
INSIDE = ("libero", "inside", "checkpoints", *GROUND)
GENERIC = sorted(set(BELOW) - {"families"})


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def part_of(module: str) -> str:
    return (module.split(".")[1:] or ["__init__"])[0]


def imports(path: Path) -> Iterator[str]:
    """Modules of forkctl that a file imports: anywhere in it, for a type checker too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "forkctl":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


@pytest.mark.parametrize("part", BELOW)
def test_arrows_point_one_way(part: str) -> None:
    allowed = {part, "__init__", *BELOW[part]}
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if part_of(name) == part
        for target in imports(path)
        if target.startswith("forkctl.") and part_of(target) not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_every_part_has_its_arrows() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert packages | modules == set(BELOW)


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: set(imports(path)) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_families_do_not_know_each_other() -> None:
    wrong = []
    for name, path in MODULES.items():
        family = name.split(".")[2:3]
        if part_of(name) == "families" and path.parent.parent.name == "families":
            for target in imports(path):
                theirs = target.split(".")[2:3]
                if part_of(target) == "families" and theirs not in (family, ["torchrun"]):
                    wrong.append(f"{name} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_overlays_import_what_runs_inside_and_their_own_family() -> None:
    wrong = []
    for path in OVERLAYS.rglob("*.py"):
        family = path.relative_to(OVERLAYS).parts[0]
        for target in imports(path):
            own = target.startswith(f"forkctl.families.{family}.")
            if part_of(target) not in INSIDE and not own:
                wrong.append(f"{path.relative_to(ROOT)} imports {target}")
    assert not wrong, "\n".join(wrong)


def reached_from(module: str) -> set[str]:
    """A module, and all that it imports, and so on."""
    found, pending = set(), [module]
    while pending:
        each = pending.pop()
        if each in MODULES and each not in found:
            found.add(each)
            pending += imports(MODULES[each])
    return found


@pytest.mark.parametrize(
    "family", [each for each in families() if each.worker], ids=lambda f: f.name
)
def test_a_worker_reaches_what_runs_inside_and_its_own_family(family: Family) -> None:
    """It is imported in the fork's environment, which has none of forkctl's dependencies."""
    own = f"forkctl.families.{family.name}"
    outside = {
        name
        for name in reached_from(str(family.worker))
        if part_of(name) not in INSIDE and not name.startswith(own)
    }
    assert not outside


def test_packages_above_a_worker_import_nothing() -> None:
    for path in [PACKAGE / "__init__.py", *(PACKAGE / "families").rglob("__init__.py")]:
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        assert not any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in nodes), path


def words_of_families() -> set[str]:
    """Names and kinds; `script` is a kind too, and a plain word everywhere."""
    words = {word for family in families() for word in (family.name, *family.kinds)}
    return words - {"script"}


@pytest.mark.parametrize("part", GENERIC)
def test_no_generic_part_names_a_family(part: str) -> None:
    """In code, messages, help and comments: what is true of one family stands in its folder."""
    spelled = re.compile("|".join(map(re.escape, words_of_families())), re.IGNORECASE)
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for name, path in MODULES.items()
        if part_of(name) == part
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if spelled.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_page_names_every_part_and_nothing_that_is_not_there() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for part in BELOW:
        assert f"`forkctl/{part}`" in page, part
    named = re.findall(r"`((?:\w+/)+(?:\w+(?:\.py)?)?)`", page)
    named += re.findall(r"^ {2}(\w+/\w+)", page, re.MULTILINE)  # how a run flows
    for name in named:
        places = [place / end for place in (ROOT, PACKAGE) for end in (name, f"{name}.py")]
        assert any(path.exists() for path in places), name
