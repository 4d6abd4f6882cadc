"""Open a fork's tree for a command that only looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.standing import open_tree
from forkctl.forks.state import TreeState, state_of
from forkctl.forks.workspace import ended_with_the_command, find_workspace


@contextmanager
def opened_tree(name: str) -> Iterator[tuple[Repository, TreeState]]:
    workspace = find_workspace()
    fork = load(workspace.manifest).fork(name)
    state = state_of(workspace, fork.name)
    if state is None:
        raise ForkctlError("is not laid out yet", where=name, hint=f"forkctl sync {name}")
    with ended_with_the_command(Children()) as children:
        yield open_tree(workspace, fork.name, children), state
