"""Which environment a command means: the fork's own of a profile, or one that was brought along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forkctl.environments.environment import (
    Environment,
    create_environment,
    find_environment,
    own_environment,
)
from forkctl.environments.locks import Lock, as_options, read_lock
from forkctl.errors import ForkctlError
from forkctl.forks.manifest import EnvironmentSpec, Fork, Manifest
from forkctl.forks.workspace import Workspace

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Selection:
    """`environment` is None where it has still to be made, from the lock. `lock` is None where the
    fork has none for this profile; then the environment is the user's own."""

    lock: Lock | None
    environment: Environment | None

    @property
    def profile(self) -> str:
        return self.lock.profile if self.lock else "own"

    def made(self, say: Callable[[str], None]) -> Environment:
        if self.environment is None:
            assert self.lock is not None
            return create_environment(self.lock, say)
        return self.environment


def not_made(selection: Selection, fork: str) -> tuple[str, str]:
    """What to say of an environment that has still to be made, and what to do about it."""
    return (
        f"not made yet (profile {selection.profile})",
        f"forkctl env create {fork} {as_options(selection.profile)}",
    )


def default_profile() -> str:
    return "cuda" if _NVIDIA_DRIVER.exists() else "cpu"


def full_profile(asked: str | None) -> str:
    """What was asked for may be nothing, or extras alone: `+deepspeed`."""
    return f"{default_profile()}{asked or ''}" if (asked or "+").startswith("+") else str(asked)


def select(workspace: Workspace, fork: Fork, profile: str | None, own: str | None) -> Selection:
    if own is not None:
        return Selection(_lock_to_compare_with(workspace, fork, profile), own_environment(own))
    lock = lock_of(workspace, fork, profile)
    return Selection(lock, find_environment(lock))


def _lock_to_compare_with(workspace: Workspace, fork: Fork, profile: str | None) -> Lock | None:
    try:
        return lock_of(workspace, fork, profile)
    except ForkctlError:
        return None  # an environment of the user's needs none


def lock_of(workspace: Workspace, fork: Fork, profile: str | None) -> Lock:
    return lock_by_spec(workspace, fork.require_env(), profile)


def lock_by_spec(workspace: Workspace, spec: EnvironmentSpec, profile: str | None) -> Lock:
    return read_lock(workspace.root / spec.locks, full_profile(profile), spec.python)


def spec_named(manifest: Manifest, name: str) -> EnvironmentSpec:
    """The environment of a fork, or the one of this name that belongs to none."""
    alone = manifest.environment(name)
    return manifest.fork(name).require_env() if alone is None else alone
