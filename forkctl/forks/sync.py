"""Fetch pinned revisions and lay out forks/<name>. One fork's failure never stops another."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork, Manifest
from forkctl.forks.processes import Children, Interrupted
from forkctl.forks.state import TreeState, interrupted, state_of, url_of
from forkctl.forks.workspace import Workspace, sweep_work_area
from forkctl.reading import reason

# How to show the progress of a fork: takes its name, returns what to call with git's lines.
ProgressFor = Callable[[str], Callable[[str], None] | None]

_AT_ONCE = 8
_AFTER_OS_ERROR = "the live tree is unchanged; free space or fix permissions, then run this again"


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


def sync(
    workspace: Workspace,
    manifest: Manifest,
    forks: Sequence[Fork],
    children: Children,
    *,
    offline: bool = False,
    progress: ProgressFor = lambda name: None,
) -> list[SyncResult]:
    sweep_work_area(workspace)
    results: dict[str, SyncResult] = {}
    outdated: list[tuple[Fork, TreeState | None]] = []
    for fork in forks:
        try:
            state = settled_state(workspace, fork.name, children)
        except ForkctlError as error:
            results[fork.name] = _failed(fork, error)
            continue
        if state is not None and state.is_at_pin(fork) and state.url == url_of(fork):
            results[fork.name] = SyncResult(fork, SyncOutcome.UNCHANGED, state.pin)
        else:
            outdated.append((fork, state))

    if outdated:
        # Imported here: a sync with nothing to do should not pay for what does the work.
        from concurrent.futures import ThreadPoolExecutor

        from forkctl.forks.tree import bring_to_pin

        def bring_up(fork: Fork, state: TreeState | None) -> SyncResult:
            try:
                pin = bring_to_pin(
                    *(workspace, manifest, fork, state, children),
                    offline=offline,
                    progress=progress(fork.name),
                )
            except ForkctlError as error:
                return _failed(fork, error)
            except Interrupted:
                return _failed(fork, ForkctlError("interrupted", hint="run this again"))
            except OSError as error:
                return _failed(fork, from_os_error(error, _AFTER_OS_ERROR))
            if state is None:
                return SyncResult(fork, SyncOutcome.MADE, pin)
            only_renamed = state.is_at_pin(fork)
            outcome = SyncOutcome.UNCHANGED if only_renamed else SyncOutcome.MOVED
            return SyncResult(fork, outcome, pin)

        with ThreadPoolExecutor(min(_AT_ONCE, len(outdated))) as pool:
            try:
                for result in pool.map(bring_up, *zip(*outdated, strict=True)):
                    results[result.fork.name] = result
            except BaseException:
                children.end_all()  # leaving the pool waits for its threads, which wait for git
                raise
        sweep_work_area(workspace)
    return [results[fork.name] for fork in forks]


def _failed(fork: Fork, error: ForkctlError) -> SyncResult:
    return SyncResult(fork, SyncOutcome.FAILED, None, error)


def from_os_error(error: OSError, hint: str) -> ForkctlError:
    place = f": {error.filename}" if error.filename else ""
    return ForkctlError(f"{reason(error)}{place}", hint=hint)


def settled_state(workspace: Workspace, name: str, children: Children) -> TreeState | None:
    """The state of a tree, once a switch or a save that was interrupted in it is finished."""
    if workspace.save_journal.exists():
        from forkctl.forks.saving import settle

        settle(workspace, children, name)
    state = state_of(workspace, name)
    if state is None:
        return None
    if interrupted(workspace.tree(name)):
        from forkctl.forks.local_changes import open_tree
        from forkctl.forks.switch import recover

        state = recover(open_tree(workspace, name, children)) or state
    if not (workspace.tree(name) / ".git" / "info" / "attributes").is_file():
        from forkctl.forks.local_changes import open_tree
        from forkctl.forks.older_trees import turn_attributes_off

        turn_attributes_off(open_tree(workspace, name, children))
    return state
