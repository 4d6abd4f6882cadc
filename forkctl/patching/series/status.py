"""How each fork stands, and the next command to type."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.local_changes import GitStatus, git_status, open_tree
from forkctl.forks.lockfile import LockedFork, read_lock
from forkctl.forks.manifest import Fork
from forkctl.forks.processes import Children, NotInstalled
from forkctl.forks.saving import is_unfinished
from forkctl.forks.state import TreeState, interrupted, state_of, url_of
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.apply import what_differs
from forkctl.patching.series.inputs import identity_of, inputs_of


class Standing(enum.Enum):
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
    standing: Standing
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
        """The user's own work in the tree."""
        parts = []
        if self.own_commits:
            parts.append(f"{self.own_commits} commit{'s' * (self.own_commits > 1)} on top")
        if self.changed:
            parts.append(f"{len(self.changed)} changed")
        if self.untracked:
            parts.append(f"{len(self.untracked)} untracked")
        return ", ".join(parts)


def status(workspace: Workspace, forks: Sequence[Fork], children: Children) -> list[ForkStatus]:
    """Read only: a switch or a save that was interrupted is reported, not finished."""
    lock = read_lock(workspace.lock_file)
    return [_status_of(workspace, fork, children, lock.get(fork.name)) for fork in forks]


def _status_of(
    workspace: Workspace, fork: Fork, children: Children, known: LockedFork | None
) -> ForkStatus:
    try:
        state = state_of(workspace, fork.name)
    except ForkctlError as error:
        return ForkStatus(fork, Standing.FOREIGN, problem=str(error))
    if state is None:
        return ForkStatus(fork, Standing.NOT_SYNCED, next_command=f"forkctl sync {fork.name}")
    if interrupted(workspace.tree(fork.name)) or is_unfinished(workspace, fork.name):
        return ForkStatus(
            fork, Standing.INTERRUPTED, state.pin, next_command=f"forkctl apply {fork.name}"
        )
    repo = open_tree(workspace, fork.name, children)
    try:
        status = git_status(repo)
        own = 0
        if status.head is not None and status.head != state.head:
            own = len(objects.commits_between(repo, state.head, status.head))
    except NotInstalled:
        raise
    except ForkctlError as error:
        return ForkStatus(fork, Standing.FOREIGN, state.pin, problem=str(error))
    standing, stale = _compared(workspace, fork, state, known)
    return ForkStatus(
        fork,
        standing,
        pin=state.pin,
        head=status.head,
        tree=state.tree if status.head == state.head else None,
        without=state.without,
        own_commits=own,
        changed=status.changed,
        untracked=status.untracked,
        stale=stale,
        problem=_problem(status, state, own),
        next_command=_next(fork, standing, status, own),
    )


def _compared(
    workspace: Workspace, fork: Fork, state: TreeState, known: LockedFork | None
) -> tuple[Standing, str]:
    if not state.is_at_pin(fork) or state.url != url_of(fork):
        return Standing.PIN_MOVED, ""
    if state.identity is None:
        return Standing.NOT_APPLIED, ""
    inputs = inputs_of(workspace, fork, state.pin, state.without)
    if identity_of(fork, inputs) != state.identity:
        return Standing.STALE, "" if state.without else what_differs(inputs, known)
    return Standing.APPLIED, ""


def _problem(status: GitStatus, state: TreeState, own: int) -> str:
    if status.in_progress:
        return f"a {status.in_progress} is in progress"
    if status.head != state.head and not own:
        return "HEAD was moved back"
    if status.head == state.head and not status.at(state):
        return f"HEAD is on {status.branch or 'no branch'}"
    return ""


def _next(fork: Fork, standing: Standing, status: GitStatus, own: int) -> str:
    if status.dirty:
        return f"git -C forks/{fork.name} commit, then forkctl save {fork.name}"
    if own:
        return f"forkctl save {fork.name}"
    return {
        Standing.PIN_MOVED: f"forkctl sync {fork.name}",
        Standing.NOT_APPLIED: f"forkctl apply {fork.name}",
        Standing.STALE: f"forkctl apply {fork.name}",
    }.get(standing, "")
