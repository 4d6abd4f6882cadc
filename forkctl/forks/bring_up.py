"""Bring one fork's tree to its pin: made new, or moved."""

from __future__ import annotations

from collections.abc import Callable

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource, Manifest
from forkctl.forks.processes import Children, Interrupted
from forkctl.forks.sources import fetch_source
from forkctl.forks.standing import open_tree, require_untouched
from forkctl.forks.state import TreeState, state_of, write_state
from forkctl.forks.switch import switch
from forkctl.forks.synced import SyncOutcome, SyncResult, is_at_pin
from forkctl.forks.tree import build, copy_pin, pristine_state
from forkctl.forks.workspace import Workspace


def bring_up(
    workspace: Workspace,
    manifest: Manifest,
    fork: Fork,
    children: Children,
    *,
    offline: bool,
    progress: Callable[[str], None] | None,
) -> SyncResult:
    """Never raises what belongs to one fork: it is the result, and the others go on."""
    try:
        state = state_of(workspace, fork.name)
        if state is not None and is_at_pin(state._replace(url=_url(fork)), fork):
            _rename_remote(workspace, fork, state, children)
            return SyncResult(fork, SyncOutcome.UNCHANGED, state.pin)
        if state is not None:
            _require_movable(workspace, fork, state, children)
        cached, pin = fetch_source(fork, manifest.mirrors, children, offline, progress)
        if state is None:
            build(workspace, fork, cached, pin, children)
            return SyncResult(fork, SyncOutcome.MADE, pin)
        _move(workspace, fork, state, cached, pin, children)
        return SyncResult(fork, SyncOutcome.MOVED, pin)
    except ForkctlError as error:
        return SyncResult(fork, SyncOutcome.FAILED, None, error)
    except Interrupted:
        return SyncResult(
            fork, SyncOutcome.FAILED, None, ForkctlError("interrupted", hint="run this again")
        )
    except OSError as error:
        reason = ForkctlError(
            f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""),
            hint="nothing was changed in the live tree; free space or permissions, then run again",
        )
        return SyncResult(fork, SyncOutcome.FAILED, None, reason)


def _require_movable(
    workspace: Workspace, fork: Fork, state: TreeState, children: Children
) -> None:
    require_untouched(open_tree(workspace, fork.name, children), state)


def _move(
    workspace: Workspace,
    fork: Fork,
    state: TreeState,
    cached: Repository,
    pin: str,
    children: Children,
) -> None:
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
    write_state(workspace.tree(fork.name), current._replace(url=url))


def _url(fork: Fork) -> str | None:
    return fork.source.url if isinstance(fork.source, GitSource) else None
