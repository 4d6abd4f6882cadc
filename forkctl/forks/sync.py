"""Fetch pinned revisions and lay out forks/<name>. One fork's failure never stops another."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork, GitSource, Manifest
from forkctl.forks.processes import Children, Interrupted
from forkctl.forks.state import TreeState, state_of, write_state
from forkctl.forks.switch import interrupted, recover
from forkctl.forks.tree import open_tree, sweep_work_area
from forkctl.forks.workspace import Workspace

# How a fork's progress is shown: called with its name, gives what takes git's lines.
ProgressFor = Callable[[str], Callable[[str], None] | None]

_AT_ONCE = 8


class SyncOutcome(enum.Enum):
    UNCHANGED = "up to date"
    MADE = "laid out"
    MOVED = "moved to the new pin"
    FAILED = "failed"


@dataclass(frozen=True)
class SyncResult:
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

    def bring_up(fork: Fork) -> SyncResult:
        return _sync_one(workspace, manifest, fork, children, offline, progress(fork.name))

    if outdated:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_AT_ONCE, len(outdated))) as pool:
            try:
                for result in pool.map(bring_up, outdated):
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
        state = recover(open_tree(workspace, name, children)) or state
    return state


def is_at_pin(state: TreeState, fork: Fork) -> bool:
    url = fork.source.url if isinstance(fork.source, GitSource) else None
    return (state.source, state.sparse, state.url) == (fork.source.identity, fork.sparse, url)


def _sync_one(
    workspace: Workspace,
    manifest: Manifest,
    fork: Fork,
    children: Children,
    offline: bool,
    progress: Callable[[str], None] | None,
) -> SyncResult:
    from forkctl.forks.sources import fetch_source

    try:
        state = state_of(workspace, fork.name)
        if state is not None and is_at_pin(replace(state, url=_url(fork)), fork):
            _rename_remote(workspace, fork, state, children)
            return SyncResult(fork, SyncOutcome.UNCHANGED, state.pin)
        if state is not None:
            _require_movable(workspace, fork, state, children)
        cached, pin = fetch_source(fork, manifest.mirrors, children, offline, progress)
        if state is None:
            from forkctl.forks.tree import build

            build(workspace, fork, cached, pin, children)
            return SyncResult(fork, SyncOutcome.MADE, pin)
        _move(workspace, fork, state, cached, pin, children)
        return SyncResult(fork, SyncOutcome.MOVED, pin)
    except ForkctlError as error:
        return SyncResult(fork, SyncOutcome.FAILED, None, error)
    except Interrupted:
        return SyncResult(fork, SyncOutcome.FAILED, None, ForkctlError("interrupted"))
    except OSError as error:
        reason = ForkctlError(
            f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""),
            hint="nothing was changed in the live tree; free space or permissions, then run again",
        )
        return SyncResult(fork, SyncOutcome.FAILED, None, reason)


def _require_movable(
    workspace: Workspace, fork: Fork, state: TreeState, children: Children
) -> None:
    from forkctl.forks.standing import require_untouched

    require_untouched(open_tree(workspace, fork.name, children), state)


def _move(
    workspace: Workspace,
    fork: Fork,
    state: TreeState,
    cached: object,
    pin: str,
    children: Children,
) -> None:
    from forkctl.forks.git import Repository
    from forkctl.forks.switch import switch
    from forkctl.forks.tree import copy_pin, pristine_state

    assert isinstance(cached, Repository)
    repo = open_tree(workspace, fork.name, children)
    copy_pin(cached, repo, pin, fork)
    _require_movable(workspace, fork, state, children)
    switch(repo, state, pristine_state(repo, fork, pin))
    _rename_remote(workspace, fork, state, children)


def _rename_remote(workspace: Workspace, fork: Fork, state: TreeState, children: Children) -> None:
    """The upstream moved to another address; the content is the same."""
    url = _url(fork)
    if url is None or url == state.url:
        return
    repo = open_tree(workspace, fork.name, children)
    repo.local("config", "--local", "remote.origin.url", url)
    current = state_of(workspace, fork.name)
    assert current is not None
    write_state(workspace.tree(fork.name), replace(current, url=url))


def _url(fork: Fork) -> str | None:
    return fork.source.url if isinstance(fork.source, GitSource) else None
