"""Which environments there are: `forkctl env show`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from forkctl.environments.environment import find_environment, size_of
from forkctl.environments.locks import locked_profiles
from forkctl.environments.selecting import lock_by_spec, spec_named
from forkctl.forks.manifest import EnvironmentSpec, Manifest
from forkctl.forks.workspace import Workspace


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
    for profile in locked_profiles(workspace.root / spec.locks):
        lock = lock_by_spec(workspace, spec, profile)
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
