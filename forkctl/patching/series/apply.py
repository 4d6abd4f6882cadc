"""Put overlays and patches on the pinned revision: rendered beside the tree, then switched to."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from functools import partial
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
from forkctl.forks.processes import Children, Interrupted
from forkctl.forks.state import TreeState
from forkctl.forks.sync import from_os_error, settled_state
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.inputs import identity_of, read_inputs

if TYPE_CHECKING:
    from forkctl.patching.model import PatchOutcome

_AT_ONCE = 8
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
    """Everything is rendered before the first tree moves. forks.lock follows what was applied."""
    lock = lock_text(workspace.lock_file)
    if locked:
        parse_lock(lock, workspace.lock_file.name)  # what is damaged elsewhere records nothing

    def prepare(fork: Fork) -> _Prepared:
        return _prepared(workspace, manifest, fork, children, without, locked, lock)

    prepared = [_guarded(fork, partial(prepare, fork)) for fork in forks]
    done = _switch_all(prepared, children)
    made = {fork.result.fork.name: fork.record for fork in done if fork.record is not None}
    if made:
        write_lock(workspace.lock_file, {**read_lock(workspace.lock_file), **made})
    return [fork.result for fork in done]


class _Prepared(NamedTuple):
    """What will be said of a fork once `switch`, if there is one, has moved its tree."""

    result: ApplyResult
    record: LockedFork | None = None  # the new entry of forks.lock; None: it stays as it is
    switch: Callable[[], None] | None = None


def _guarded(fork: Fork, step: Callable[[], _Prepared]) -> _Prepared:
    """One fork's failure never stops another."""
    reason: ForkctlError
    try:
        return step()
    except ForkctlError as error:
        reason = error
    except Interrupted:
        reason = ForkctlError("interrupted", hint="run this again")
    except OSError as error:
        reason = from_os_error(error, _AFTER_OS_ERROR)
    return _Prepared(ApplyResult(fork, ApplyOutcome.FAILED, error=reason))


def _switch_all(prepared: Sequence[_Prepared], children: Children) -> list[_Prepared]:
    if sum(fork.switch is not None for fork in prepared) < 2:
        return [_switched(fork) for fork in prepared]
    from concurrent.futures import ThreadPoolExecutor

    # Rendering is not done at once: Python 3.11's `ast` does not bear threads.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            return list(pool.map(_switched, prepared))
        except BaseException:
            children.end_all()  # leaving the pool waits for its threads, which wait for git
            raise


def _switched(prepared: _Prepared) -> _Prepared:
    def step() -> _Prepared:
        if prepared.switch is not None:
            prepared.switch()
        return prepared

    return _guarded(prepared.result.fork, step)


def _prepared(
    workspace: Workspace,
    manifest: Manifest,
    fork: Fork,
    children: Children,
    without: Sequence[str],
    locked: bool,
    lock: str,
) -> _Prepared:
    state = _synced_state(workspace, fork, children)
    files = read_inputs(workspace, fork, state.pin, without)
    inputs = files.digests
    repo = open_tree(workspace, fork.name, children)
    applied = LockedFork(inputs, state.head, state.tree)
    is_applied = state.identity == identity_of(fork, inputs)
    if is_applied and (without or lock_says(lock, fork.name, applied)):
        return _Prepared(_unchanged(fork, repo, state, inputs))
    known = None if without else parse_lock(lock, workspace.lock_file.name).get(fork.name)
    if locked and not without:
        _require_locked_inputs(fork, inputs, known)
    if is_applied:
        _require_reproduced(fork, applied, known)
        return _Prepared(_unchanged(fork, repo, state, inputs), applied)

    from forkctl.forks.switch import remove_ref_locks, switch
    from forkctl.patching.series.rendering import fault_of_sparse, render

    remove_ref_locks(repo)
    rendered = render(fork, files, repo, repo, known)
    if fault := fault_of_sparse(fork, rendered):
        raise fault
    made = rendered.locked(inputs)
    _require_reproduced(fork, made, known)
    new = state._replace(
        identity=identity_of(fork, inputs),
        without=tuple(without),
        head=rendered.head,
        tree=rendered.tree,
    )
    note = _notes(rendered.outcomes, manifest)
    return _Prepared(
        ApplyResult(fork, ApplyOutcome.APPLIED, new, len(rendered.outcomes), note),
        record=None if without else made,
        switch=partial(switch, repo, state, new),
    )


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


def _notes(outcomes: Sequence[PatchOutcome], manifest: Manifest) -> str:
    """A fork's name with a slip in it must not leave a patch out in silence, nor a plain patch move
    to other lines so."""
    from forkctl.patching.reading.lint import names_no_fork

    forks = [fork.name for fork in manifest.forks]
    notes = (
        (outcome.patch.title, note)
        for outcome in outcomes
        for note in (names_no_fork(outcome.patch, forks), *(edit.note for edit in outcome.edits))
    )
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
