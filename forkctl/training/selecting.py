"""Which environment a command means: the fork's own of a profile, or one that was brought along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.training.environments import (
    Environment,
    create_environment,
    find_environment,
    own_environment,
)
from forkctl.training.fork_tree import environment_spec
from forkctl.training.locks import Lock, read_lock

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Selection:
    """`environment` is None where it has still to be made."""

    lock: Lock
    environment: Environment | None

    def made(self, say: Callable[[str], None]) -> Environment:
        return self.environment or create_environment(self.lock, say)


def default_profile() -> str:
    return "cuda" if _NVIDIA_DRIVER.exists() else "cpu"


def select(workspace: Workspace, fork: Fork, profile: str | None, own: str | None) -> Selection:
    lock = lock_of(workspace, fork, profile)
    if own is not None:
        return Selection(lock, own_environment(own))
    return Selection(lock, find_environment(lock))


def lock_of(workspace: Workspace, fork: Fork, profile: str | None) -> Lock:
    spec = environment_spec(fork)
    return read_lock(workspace.root / spec.locks, profile or default_profile(), spec.python)
