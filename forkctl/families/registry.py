"""The fork families. A new one is a folder beside this file, and a line in `_FAMILIES`.

A family of one's own needs neither: `kind` in forks.toml may be the path of a Python file, or of a
folder with an `__init__.py`, in the workspace, that has a `FAMILY`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forkctl.errors import ForkctlError, UsageError
from forkctl.family import Family, Launcher
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.libero.units.conventions import LIBERO, Convention
from forkctl.libero.units.statistics_files import StatisticsFile
from forkctl.patching.series.fork_tree import entrypoint

_FAMILIES = ("robomimic", "openvla", "rdt", "script")


def families() -> tuple[Family, ...]:
    return tuple(
        importlib.import_module(f"forkctl.families.{name}.family").FAMILY for name in _FAMILIES
    )


def family_of(workspace: Workspace, fork: Fork) -> Family:
    kind = entrypoint(fork).kind
    if "/" in kind:
        return _own_family(workspace.root / kind)
    for family in families():
        if kind in family.kinds:
            return family
    kinds = ", ".join(kind for family in families() for kind in family.kinds)
    raise UsageError(
        f"there is no kind of fork {kind!r}",
        where=f"forks.toml, [fork.{fork.name}.entrypoint]",
        hint=f"kinds: {kinds}; or the path of a family of your own (docs/add-a-family.md)",
    )


def launcher_of(workspace: Workspace, fork: Fork) -> Launcher:
    return family_of(workspace, fork).launcher(entrypoint(fork))


def conventions() -> Mapping[str, Convention]:
    """Every convention that actions can be in."""
    every = (LIBERO, *(each for family in families() for each in family.conventions()))
    return {each.name: each for each in every}


def statistics_files() -> Mapping[str, StatisticsFile]:
    """By the name of the file."""
    return {each.name: each for family in families() for each in family.statistics_files()}


def choices() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """What generated configs can be asked for: option -> family -> values."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for family in families():
        for name, values in family.choices.items():
            found.setdefault(name, {})[family.name] = values
    return found


def commands(group: str) -> dict[str, tuple[str, str, str]]:
    """What the families add to one group of the command line."""
    return {
        name: command
        for family in families()
        for name, command in family.commands.get(group, {}).items()
    }


def _own_family(path: Path) -> Family:
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            "no family here", where=str(path), hint="a Python file with a FAMILY, or its folder"
        )
    name = f"forkctl_family_{path.stem}"
    # a folder is a package: its modules may import each other
    places = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=places)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ForkctlError(
            f"the family cannot be imported: {type(error).__name__}: {error}", where=str(file)
        ) from error
    family: Any = getattr(module, "FAMILY", None)
    if not isinstance(family, Family):
        raise UsageError(
            "the file has no FAMILY", where=str(file), hint="FAMILY = YourFamily(), at its end"
        )
    return family
