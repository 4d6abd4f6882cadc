"""What became of a fork in a sync, and when there is nothing to do."""

from __future__ import annotations

import enum
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork, GitSource
from forkctl.forks.state import TreeState


class SyncOutcome(enum.Enum):
    UNCHANGED = "up to date"
    MADE = "laid out"
    MOVED = "moved to the new pin"
    FAILED = "failed"


class SyncResult(NamedTuple):
    fork: Fork
    outcome: SyncOutcome
    pin: str | None
    error: ForkctlError | None = None


def is_at_pin(state: TreeState, fork: Fork) -> bool:
    url = fork.source.url if isinstance(fork.source, GitSource) else None
    return (state.source, state.sparse, state.url) == (fork.source.identity, fork.sparse, url)
