"""Put overlays and patches on the pinned revision: rendered beside the tree, switched at once."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.lockfile import (
    Inputs,
    LockedFork,
    lock_text,
    parse_lock,
    read_lock,
    records,
    write_lock,
)
from forkctl.forks.manifest import Fork
from forkctl.forks.processes import Children
from forkctl.forks.standing import open_tree, require_on_top, require_untouched, standing_of
from forkctl.forks.state import TreeState
from forkctl.forks.sync import settled_state
from forkctl.forks.synced import is_at_pin
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.inputs import identity_of, inputs_of


class ApplyOutcome(enum.Enum):
    UNCHANGED = "up to date"
    APPLIED = "applied"
    FAILED = "failed"


class ApplyResult(NamedTuple):
    fork: Fork
    outcome: ApplyOutcome
    state: TreeState | None = None
    patches: int = 0
    note: str = ""
    error: ForkctlError | None = None


def apply(
    workspace: Workspace,
    forks: Sequence[Fork],
    children: Children,
    *,
    without: Sequence[str] = (),
    locked: bool = False,
) -> list[ApplyResult]:
    """One fork's failure never stops another. forks.lock follows what was applied."""
    lock = lock_text(workspace.lock_file)
    results, made = [], {}
    for fork in forks:
        try:
            result, record = _apply_one(workspace, fork, children, without, locked, lock)
        except ForkctlError as error:
            result, record = ApplyResult(fork, ApplyOutcome.FAILED, error=error), None
        except OSError as error:
            reason = ForkctlError(
                f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""),
                hint="run this again when there is space; an interrupted switch is finished then",
            )
            result, record = ApplyResult(fork, ApplyOutcome.FAILED, error=reason), None
        results.append(result)
        if record is not None:
            made[fork.name] = record
    if made:
        write_lock(workspace.lock_file, {**read_lock(workspace.lock_file), **made})
    return results


def _apply_one(
    workspace: Workspace,
    fork: Fork,
    children: Children,
    without: Sequence[str],
    locked: bool,
    lock: str,
) -> tuple[ApplyResult, LockedFork | None]:
    """The result, and what forks.lock should say (None: nothing new)."""
    state = synced_state(workspace, fork, children)
    inputs = inputs_of(workspace, fork, state.pin, without)
    repo = open_tree(workspace, fork.name, children)
    there = LockedFork(inputs, state.head, state.tree)
    is_there = state.identity == identity_of(fork, inputs)
    if is_there and (without or records(lock, fork.name, there)):
        return _unchanged(fork, repo, state, inputs), None
    known = None if without else parse_lock(lock, workspace.lock_file.name).get(fork.name)
    if locked and not without:
        require_locked_inputs(fork, inputs, known)
    if is_there:
        require_reproduced(fork, there, known)
        return _unchanged(fork, repo, state, inputs), there
    state, patches = _render_and_switch(workspace, fork, repo, state, inputs, without, known)
    record = None if without else LockedFork(inputs, state.head, state.tree)
    return ApplyResult(fork, ApplyOutcome.APPLIED, state, patches), record


def synced_state(workspace: Workspace, fork: Fork, children: Children) -> TreeState:
    """The state of a tree that is at the manifest's pin; refuses any other."""
    state = settled_state(workspace, fork.name, children)
    if state is None:
        raise ForkctlError("is not laid out yet", hint=f"forkctl sync {fork.name}")
    if not is_at_pin(state._replace(url=getattr(fork.source, "url", None)), fork):
        raise ForkctlError(
            "forks.toml names another revision, or other folders, than the tree has",
            hint=f"forkctl sync {fork.name}",
        )
    return state


def _unchanged(fork: Fork, repo: Repository, state: TreeState, inputs: Inputs) -> ApplyResult:
    standing = standing_of(repo)
    if standing.head != state.head:
        require_on_top(repo, standing, state)
        note = "with commits of yours on top"
    elif standing.dirty:
        note = "with changes of yours in the tree"
    else:
        note = ""
    return ApplyResult(fork, ApplyOutcome.UNCHANGED, state, len(inputs.patches), note)


def _render_and_switch(
    workspace: Workspace,
    fork: Fork,
    repo: Repository,
    state: TreeState,
    inputs: Inputs,
    without: Sequence[str],
    known: LockedFork | None,
) -> tuple[TreeState, int]:
    from forkctl.forks.switch import remove_ref_locks, switch
    from forkctl.patching.series.rendering import render

    remove_ref_locks(repo)
    rendered = render(workspace, fork, inputs, repo, repo)
    require_reproduced(fork, rendered.locked(inputs), known)
    new = state._replace(
        identity=identity_of(fork, inputs),
        without=tuple(without),
        head=rendered.head,
        tree=rendered.tree,
    )
    # Asked last: rendering takes a while, in which somebody may have started to edit.
    require_untouched(repo, state)
    switch(repo, state, new)
    return new, len(rendered.outcomes)


def require_locked_inputs(fork: Fork, inputs: Inputs, known: LockedFork | None) -> None:
    if known is None or known.inputs != inputs:
        raise ForkctlError(
            "is not what forks.lock records: " + what_differs(inputs, known),
            where=fork.name,
            hint="`forkctl apply` without --locked applies it and updates forks.lock",
        )


def require_reproduced(fork: Fork, made: LockedFork, known: LockedFork | None) -> None:
    """Same inputs, same ids. If not, something is wrong that nobody should build on."""
    if known is not None and known.inputs == made.inputs and known != made:
        raise ForkctlError(
            f"the inputs that forks.lock records gave commit {made.commit[:12]} here and "
            f"{known.commit[:12]} there",
            where=fork.name,
            hint="forks.lock was edited, or this is a bug of forkctl: please report it",
        )


def what_differs(inputs: Inputs, known: LockedFork | None) -> str:
    if known is None:
        return "the fork is not in it"
    told = []
    if inputs.upstream != known.inputs.upstream:
        told.append("the upstream revision")
    if inputs.engine != known.inputs.engine:
        told.append("the version of the patch engine")
    for ours, theirs in (
        (inputs.patches, known.inputs.patches),
        (inputs.overlays, known.inputs.overlays),
    ):
        told += sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    return ", ".join(told) or "nothing"
