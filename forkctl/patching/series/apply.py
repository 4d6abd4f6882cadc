"""Put overlays and patches on the pinned revision: rendered beside the tree, then switched to."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import git_status, open_tree, require_on_top
from forkctl.forks.lockfile import (
    Inputs,
    LockedFork,
    lock_says,
    lock_text,
    parse_lock,
    read_lock,
    write_lock,
)
from forkctl.forks.manifest import Fork, Manifest
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState
from forkctl.forks.sync import from_os_error, settled_state
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.inputs import InputFiles, identity_of, read_inputs

if TYPE_CHECKING:
    from forkctl.patching.model import Patch

_AFTER_OS_ERROR = "see to that, then run this again; it finishes an interrupted switch"


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
    manifest: Manifest,
    forks: Sequence[Fork],
    children: Children,
    *,
    without: Sequence[str] = (),
    locked: bool = False,
) -> list[ApplyResult]:
    """One fork's failure never stops another. forks.lock follows what was applied."""
    lock = lock_text(workspace.lock_file)
    if locked:
        parse_lock(lock, workspace.lock_file.name)  # what is damaged elsewhere records nothing
    results, made = [], {}
    for fork in forks:
        try:
            result, record = _apply_one(workspace, manifest, fork, children, without, locked, lock)
        except ForkctlError as error:
            result, record = ApplyResult(fork, ApplyOutcome.FAILED, error=error), None
        except OSError as error:
            reason = from_os_error(error, _AFTER_OS_ERROR)
            result, record = ApplyResult(fork, ApplyOutcome.FAILED, error=reason), None
        results.append(result)
        if record is not None:
            made[fork.name] = record
    if made:
        write_lock(workspace.lock_file, {**read_lock(workspace.lock_file), **made})
    return results


def _apply_one(
    workspace: Workspace,
    manifest: Manifest,
    fork: Fork,
    children: Children,
    without: Sequence[str],
    locked: bool,
    lock: str,
) -> tuple[ApplyResult, LockedFork | None]:
    """The result, and the new entry of forks.lock (None: it stays as it is)."""
    state = _synced_state(workspace, fork, children)
    files = read_inputs(workspace, fork, state.pin, without)
    inputs = files.digests
    repo = open_tree(workspace, fork.name, children)
    applied = LockedFork(inputs, state.head, state.tree)
    is_applied = state.identity == identity_of(fork, inputs)
    if is_applied and (without or lock_says(lock, fork.name, applied)):
        return _unchanged(fork, repo, state, inputs), None
    known = None if without else parse_lock(lock, workspace.lock_file.name).get(fork.name)
    if locked and not without:
        _require_locked_inputs(fork, inputs, known)
    if is_applied:
        _require_reproduced(fork, applied, known)
        return _unchanged(fork, repo, state, inputs), applied
    state, patches = _render_and_switch(fork, repo, state, files, without, known)
    record = None if without else LockedFork(inputs, state.head, state.tree)
    note = _left_out(patches, manifest)
    return ApplyResult(fork, ApplyOutcome.APPLIED, state, len(patches), note), record


def _synced_state(workspace: Workspace, fork: Fork, children: Children) -> TreeState:
    """The state of a tree that is at the pin of forks.toml; refuses any other."""
    state = settled_state(workspace, fork.name, children)
    if state is None:
        raise ForkctlError("is not laid out yet", hint=f"forkctl sync {fork.name}")
    if not state.is_at_pin(fork):
        raise ForkctlError(
            "forks.toml names a different revision, or different folders, than the tree has",
            hint=f"forkctl sync {fork.name}",
        )
    return state


def _unchanged(fork: Fork, repo: Repository, state: TreeState, inputs: Inputs) -> ApplyResult:
    status = git_status(repo)
    if status.head != state.head:
        require_on_top(repo, status, state)
        note = "with your own commits on top"
    elif status.dirty:
        note = "with uncommitted changes"
    else:
        note = ""
    return ApplyResult(fork, ApplyOutcome.UNCHANGED, state, len(inputs.patches), note)


def _render_and_switch(
    fork: Fork,
    repo: Repository,
    state: TreeState,
    files: InputFiles,
    without: Sequence[str],
    known: LockedFork | None,
) -> tuple[TreeState, tuple[Patch, ...]]:
    from forkctl.forks.switch import remove_ref_locks, switch
    from forkctl.patching.series.rendering import fault_of_sparse, render

    remove_ref_locks(repo)
    rendered = render(fork, files, repo, repo)
    if fault := fault_of_sparse(fork, rendered):
        raise fault
    _require_reproduced(fork, rendered.locked(files.digests), known)
    new = state._replace(
        identity=identity_of(fork, files.digests),
        without=tuple(without),
        head=rendered.head,
        tree=rendered.tree,
    )
    switch(repo, state, new)
    return new, tuple(outcome.patch for outcome in rendered.outcomes)


def _left_out(patches: Sequence[Patch], manifest: Manifest) -> str:
    """A fork's name with a slip in it must not leave a patch out in silence."""
    from forkctl.patching.reading.lint import names_no_fork

    forks = [fork.name for fork in manifest.forks]
    notes = ((patch.title, names_no_fork(patch, forks)) for patch in patches)
    return "; ".join(f"{title} {note}" for title, note in notes if note)


def _require_locked_inputs(fork: Fork, inputs: Inputs, known: LockedFork | None) -> None:
    if known is None or known.inputs != inputs:
        raise ForkctlError(
            "differs from what forks.lock records: " + what_differs(inputs, known),
            where=fork.name,
            hint="run `forkctl apply` without --locked to apply it and update forks.lock",
        )


def _require_reproduced(fork: Fork, made: LockedFork, known: LockedFork | None) -> None:
    """The same inputs must give the same ids; otherwise something is badly wrong."""
    if known is not None and known.inputs == made.inputs and known != made:
        raise ForkctlError(
            f"the inputs that forks.lock records gave commit {made.commit[:12]} here, but "
            f"{known.commit[:12]} when it was written",
            where=fork.name,
            hint="forks.lock was edited, or this is a bug in forkctl: please report it",
        )


def what_differs(inputs: Inputs, known: LockedFork | None) -> str:
    if known is None:
        return "the fork is not in it"
    differences = []
    if inputs.upstream != known.inputs.upstream:
        differences.append("the upstream revision")
    if inputs.engine != known.inputs.engine:
        differences.append("the version of the patch engine")
    for ours, theirs in (
        (inputs.patches, known.inputs.patches),
        (inputs.overlays, known.inputs.overlays),
    ):
        differences += sorted(
            name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)
        )
    return ", ".join(differences) or "nothing"
