"""Patch files, tree and lock change together, so that a kill leaves the old state or the new one.

A journal names the new files before the first of them is written; while it lies there, no command
counts them to their series. Then the tree is switched, which has a journal of its own, the lock is
written, and the journal is deleted last. The next command that finds one finishes the work if the
tree has begun to move; if not, it takes the new files away, and the user's commits are on top.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from forkctl.atomic import write_atomically
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import open_tree
from forkctl.forks.lockfile import Inputs, LockedFork, read_lock, write_lock
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState, own_folder, read_state, state_from
from forkctl.forks.switch import recover, switch
from forkctl.forks.workspace import Workspace, sweep_work_area


class Save(NamedTuple):
    """What a save is about to do."""

    new: TreeState
    locked: LockedFork
    files: Mapping[str, str]  # "series/0001-name.patch" -> digest

    def paths(self, workspace: Workspace) -> tuple[Path, ...]:
        return tuple(workspace.patches / title for title in self.files)


def carry_out(
    workspace: Workspace,
    repo: Repository,
    old: TreeState,
    new: TreeState,
    locked: LockedFork,
    patches: Mapping[str, bytes],
) -> Save:
    """`old` is the tree with the user's commits, `patches` has the new files by title."""
    read_lock(workspace.lock_file)  # one that is damaged is found before anything is written
    save = Save(new, locked, {title: _digest(data) for title, data in patches.items()})
    _write(workspace, save)
    try:
        for title, data in patches.items():
            write_atomically(workspace.patches / title, data)
        switch(repo, old, new)
    except BaseException:
        if not _has_begun(workspace, save):
            _undo(workspace, save)
        raise
    _conclude(workspace, save)
    return save


def settle(workspace: Workspace, children: Children, fork: str | None = None) -> Save | None:
    """Finish a save that was killed (of this fork, or of any), or undo it. Returns one that was
    finished."""
    save = _read(workspace)
    if save is None or fork not in (None, save.new.fork):
        return None
    if not _has_begun(workspace, save):
        _undo(workspace, save)
        return None
    recover(open_tree(workspace, save.new.fork, children))
    _conclude(workspace, save)
    return save


def is_unfinished(workspace: Workspace, fork: str) -> bool:
    save = _read(workspace)
    return save is not None and save.new.fork == fork


def _has_begun(workspace: Workspace, save: Save) -> bool:
    """Whether the tree is at the new state, or on its way there."""
    tree = workspace.tree(save.new.fork)
    return (own_folder(tree) / "switch.json").is_file() or read_state(tree) == save.new


def _conclude(workspace: Workspace, save: Save) -> None:
    lock = read_lock(workspace.lock_file)
    write_lock(workspace.lock_file, {**lock, save.new.fork: save.locked})
    _remove_partial(workspace, save)
    workspace.save_journal.unlink()


def _undo(workspace: Workspace, save: Save) -> None:
    """Takes away only what a save wrote: not what the user has changed since, and not the last
    copy, where the user has removed the tree."""
    if workspace.tree(save.new.fork).exists():
        for path, digest in zip(save.paths(workspace), save.files.values(), strict=True):
            if path.is_file() and _digest(path.read_bytes()) == digest:
                path.unlink()
    _remove_partial(workspace, save)
    workspace.save_journal.unlink()


def _remove_partial(workspace: Workspace, save: Save) -> None:
    for path in save.paths(workspace):
        for partial in path.parent.glob(f".{path.name}.*.tmp"):
            partial.unlink()


def _write(workspace: Workspace, save: Save) -> None:
    """By way of the work area, where what a kill leaves behind is swept."""
    raw = {
        "state": save.new._asdict(),
        "lock": {**save.locked._asdict(), "inputs": save.locked.inputs._asdict()},
        "files": dict(save.files),
    }
    prepared = workspace.work_area / "save.json"
    write_atomically(prepared, json.dumps(raw, indent=1))
    prepared.replace(workspace.save_journal)
    sweep_work_area(workspace)


def _read(workspace: Workspace) -> Save | None:
    try:
        raw = json.loads(workspace.save_journal.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    inputs = Inputs(**raw["lock"].pop("inputs"))
    return Save(state_from(raw["state"]), LockedFork(inputs, **raw["lock"]), raw["files"])


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
