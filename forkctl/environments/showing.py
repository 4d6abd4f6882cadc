"""What `forkctl env show` and `forkctl env check` report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from forkctl import checks
from forkctl.checks import Check
from forkctl.environments.environment import binding_key, find_environment, size_of
from forkctl.environments.locks import PROFILES
from forkctl.environments.proving import ask, check_imports, check_origins, check_pins
from forkctl.environments.selecting import lock_by_spec, select, spec_named
from forkctl.errors import ForkctlError
from forkctl.forks.manifest import EnvironmentSpec, Fork, Manifest
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import open_fork_tree


@dataclass(frozen=True)
class ShownEnvironment:
    """`prefix` is None where it is not made yet."""

    name: str
    profile: str
    python: str
    packages: int
    torch: str | None
    prefix: str | None
    bytes: int | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_row(self) -> tuple[object, ...]:
        size = f"{self.bytes / 10**9:.1f} GB" if self.bytes else ""
        place = self.prefix or "not made"
        return self.name, self.profile, self.python, self.packages, self.torch, place, size


def all_environments(
    workspace: Workspace, manifest: Manifest, name: str | None
) -> list[ShownEnvironment]:
    """Those of the forks and those that belong to none; with a name, that one's."""
    if name is not None:
        specs = [(name, spec_named(manifest, name))]
    else:
        specs = [(fork.name, fork.env) for fork in manifest.forks if fork.env]
        specs += manifest.environments
    return [each for one, spec in specs for each in environments_of(workspace, one, spec)]


def environments_of(
    workspace: Workspace, name: str, spec: EnvironmentSpec
) -> list[ShownEnvironment]:
    shown = []
    for profile in PROFILES:
        try:
            lock = lock_by_spec(workspace, spec, profile)
        except ForkctlError:
            continue  # there is no lock of that profile
        made = find_environment(lock)
        shown.append(
            ShownEnvironment(
                name=name,
                profile=profile,
                python=lock.python,
                packages=len(lock.pins),
                torch=lock.pins.get("torch"),
                prefix=str(made.prefix) if made else None,
                bytes=size_of(made) if made else None,
            )
        )
    return shown


def check_environment(
    workspace: Workspace,
    fork: Fork,
    profile: str | None,
    own: str | None,
    *,
    packages: Sequence[str],
    modules: Sequence[str],
) -> list[Check]:
    """The pins, whether the fork's packages come from its tree, and whether the modules import."""
    tree = open_fork_tree(workspace, fork)
    selection = select(workspace, fork, profile, own)
    environment = selection.environment
    if environment is None:
        text = f"not made yet (profile {selection.profile})"
        hint = f"forkctl env create {fork.name} --profile {selection.profile}"
        return [checks.failed("environment", text, hint)]
    answer = ask(environment, tree.path, packages, modules)
    lock = selection.lock
    digest = lock.digest if lock and environment.ours else None
    key = binding_key(tree.state.pin, tree.series, digest, answer.python)
    return [
        checks.ok("environment", f"{environment.prefix}, Python {answer.python}"),
        *(check_pins(answer, lock, environment) if lock else ()),
        *check_origins(answer, tree.path),
        *check_imports(answer, modules),
        checks.ok("binding", f"{key} (pin, series, overlays, lock, Python)"),
    ]
