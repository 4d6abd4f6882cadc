"""The fork families. A new one is a folder beside this file, and a line in `_FAMILIES`.

A family of the user's needs neither: `kind` in forks.toml may be the path of a Python file, or of a
folder with an `__init__.py`, in the workspace, that has a `FAMILY`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from forkctl.errors import ForkctlError, UsageError
from forkctl.family import Family, Launcher
from forkctl.forks.manifest import Fork
from forkctl.forks.paths import fault_of_path
from forkctl.forks.workspace import Workspace
from forkctl.libero.units.conventions import LIBERO, Convention
from forkctl.libero.units.statistics_files import StatisticsFile

_FAMILIES = ("robomimic", "openvla", "rdt", "script")


def families() -> tuple[Family, ...]:
    return tuple(
        importlib.import_module(f"forkctl.families.{name}.family").FAMILY for name in _FAMILIES
    )


def family_of(workspace: Workspace, fork: Fork) -> Family:
    kind = fork.require_entrypoint().kind
    if "/" in kind:
        if fault := fault_of_path(kind):
            raise UsageError(
                f"the path {kind!r} {fault}", where=_where(fork), hint='kind = "families/mine"'
            )
        return _own_family(workspace.root / kind)
    for family in families():
        if kind in family.kinds:
            return family
    kinds = ", ".join(kind for family in families() for kind in family.kinds)
    raise UsageError(
        f"there is no kind of fork {kind!r}",
        where=_where(fork),
        hint=f"kinds: {kinds}; or the path of a family of your own (docs/add-a-family.md)",
    )


def _where(fork: Fork) -> str:
    return f"forks.toml, [fork.{fork.name}.entrypoint]"


def launcher_of(workspace: Workspace, fork: Fork) -> Launcher:
    """Refuses what the fork's kind does not take of its options in forks.toml."""
    entrypoint = fork.require_entrypoint()
    launcher = family_of(workspace, fork).launcher(entrypoint)
    entrypoint.options.done()
    return launcher


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
            "there is no family here",
            where=str(path),
            hint="a Python file with a FAMILY, or its folder",
        )
    family = getattr(_imported(file), "FAMILY", None)
    if not isinstance(family, Family):
        raise UsageError(
            "the file has no FAMILY", where=str(file), hint="FAMILY = YourFamily(), at its end"
        )
    return family


def _imported(file: Path) -> ModuleType:
    """The module of a file outside the package, imported once. A folder is a package: its modules
    may import each other by `from .other import name`."""
    name = "forkctl_family_" + hashlib.sha256(str(file).encode()).hexdigest()[:12]
    if name in sys.modules:
        return sys.modules[name]
    folder = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise UsageError("not a Python file", where=str(file), hint="it must end in .py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ForkctlError(
            f"the family cannot be imported: {type(error).__name__}: {error}", where=str(file)
        ) from error
    return module
