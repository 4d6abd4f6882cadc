"""Fetch pinned revisions and lay out forks/<name>. One fork's failure never stops another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork, Manifest
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState, interrupted, state_of
from forkctl.forks.synced import SyncOutcome, SyncResult, is_at_pin
from forkctl.forks.workspace import Workspace, sweep_work_area

# How a fork's progress is shown: called with its name, gives what takes git's lines.
ProgressFor = Callable[[str], Callable[[str], None] | None]

_AT_ONCE = 8


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
    outdated: list[Fork] = []
    for fork in forks:
        try:
            state = settled_state(workspace, fork.name, children)
        except ForkctlError as error:
            results[fork.name] = SyncResult(fork, SyncOutcome.FAILED, None, error)
            continue
        if state is not None and is_at_pin(state, fork):
            results[fork.name] = SyncResult(fork, SyncOutcome.UNCHANGED, state.pin)
        else:
            outdated.append(fork)

    if outdated:
        # Imported here: a sync that has nothing to do should not pay for what does the work.
        from concurrent.futures import ThreadPoolExecutor

        from forkctl.forks.bring_up import bring_up

        def up(fork: Fork) -> SyncResult:
            return bring_up(
                workspace, manifest, fork, children, offline=offline, progress=progress(fork.name)
            )

        with ThreadPoolExecutor(min(_AT_ONCE, len(outdated))) as pool:
            try:
                for result in pool.map(up, outdated):
                    results[result.fork.name] = result
            except BaseException:
                children.end_all()  # the pool's exit waits for its threads, and those for git
                raise
        sweep_work_area(workspace)
    return [results[fork.name] for fork in forks]


def settled_state(workspace: Workspace, name: str, children: Children) -> TreeState | None:
    """The state of a tree, after finishing a switch that was interrupted in it."""
    state = state_of(workspace, name)
    if state is not None and interrupted(workspace.tree(name)):
        from forkctl.forks.standing import open_tree
        from forkctl.forks.switch import recover

        state = recover(open_tree(workspace, name, children)) or state
    return state
