"""How each fork stands, and the next command to type."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.lockfile import LockedFork, read_lock
from forkctl.forks.manifest import Fork
from forkctl.forks.processes import Children
from forkctl.forks.standing import Standing, open_tree, standing_of
from forkctl.forks.state import TreeState, interrupted, state_of
from forkctl.forks.synced import is_at_pin
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.apply import what_differs
from forkctl.patching.series.inputs import identity_of, inputs_of


class Stand(enum.Enum):
    NOT_SYNCED = "not synced"
    PIN_MOVED = "pin moved"
    NOT_APPLIED = "not applied"
    STALE = "stale patches"
    APPLIED = "applied"
    INTERRUPTED = "interrupted"
    FOREIGN = "not forkctl's"


@dataclass(frozen=True)
class ForkStatus:
    fork: Fork
    stand: Stand
    pin: str | None = None
    head: str | None = None
    tree: str | None = None
    without: tuple[str, ...] = ()
    own_commits: int = 0
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    stale: str = ""  # which inputs changed since they were applied
    problem: str = ""
    next_command: str = ""

    @property
    def yours(self) -> str:
        """What of a person's is in the tree."""
        parts = []
        if self.own_commits:
            parts.append(f"{self.own_commits} commit{'s' * (self.own_commits > 1)} on top")
        if self.changed:
            parts.append(f"{len(self.changed)} changed")
        if self.untracked:
            parts.append(f"{len(self.untracked)} untracked")
        return ", ".join(parts)


def status(workspace: Workspace, forks: Sequence[Fork], children: Children) -> list[ForkStatus]:
    """Looks only; a switch that was interrupted is reported, not finished."""
    lock = read_lock(workspace.lock_file)
    return [_status_of(workspace, fork, children, lock.get(fork.name)) for fork in forks]


def _status_of(
    workspace: Workspace, fork: Fork, children: Children, known: LockedFork | None
) -> ForkStatus:
    try:
        state = state_of(workspace, fork.name)
    except ForkctlError as error:
        return ForkStatus(fork, Stand.FOREIGN, problem=str(error))
    if state is None:
        return ForkStatus(fork, Stand.NOT_SYNCED, next_command=f"forkctl sync {fork.name}")
    if interrupted(workspace.tree(fork.name)):
        return ForkStatus(
            fork, Stand.INTERRUPTED, state.pin, next_command=f"forkctl apply {fork.name}"
        )
    repo = open_tree(workspace, fork.name, children)
    try:
        standing = standing_of(repo)
        own = 0
        if standing.head is not None and standing.head != state.head:
            own = len(git.commits_between(repo, state.head, standing.head))
    except ForkctlError as error:
        return ForkStatus(fork, Stand.FOREIGN, state.pin, problem=str(error))
    stand, stale = _compared(workspace, fork, state, known)
    return ForkStatus(
        fork,
        stand,
        pin=state.pin,
        head=standing.head,
        tree=state.tree if standing.head == state.head else None,
        without=state.without,
        own_commits=own,
        changed=standing.changed,
        untracked=standing.untracked,
        stale=stale,
        problem=_problem(standing, state, own),
        next_command=_next(fork, stand, standing, own),
    )


def _compared(
    workspace: Workspace, fork: Fork, state: TreeState, known: LockedFork | None
) -> tuple[Stand, str]:
    if not is_at_pin(state, fork):
        return Stand.PIN_MOVED, ""
    if state.identity is None:
        return Stand.NOT_APPLIED, ""
    inputs = inputs_of(workspace, fork, state.pin, state.without)
    if identity_of(fork, inputs) != state.identity:
        return Stand.STALE, "" if state.without else what_differs(inputs, known)
    return Stand.APPLIED, ""


def _problem(standing: Standing, state: TreeState, own: int) -> str:
    if standing.under_way:
        return f"a {standing.under_way} is under way"
    if standing.head != state.head and not own:
        return "HEAD was moved back"
    if standing.head == state.head and not standing.at(state):
        return f"HEAD is on {standing.branch or 'no branch'}"
    return ""


def _next(fork: Fork, stand: Stand, standing: Standing, own: int) -> str:
    if standing.dirty:
        return f"git -C forks/{fork.name} commit, then forkctl save {fork.name}"
    if own:
        return f"forkctl save {fork.name}"
    return {
        Stand.PIN_MOVED: f"forkctl sync {fork.name}",
        Stand.NOT_APPLIED: f"forkctl apply {fork.name}",
        Stand.STALE: f"forkctl apply {fork.name}",
    }.get(stand, "")
