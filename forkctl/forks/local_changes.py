"""A live tree's HEAD, its local changes, and any merge or rebase in progress."""

from __future__ import annotations

import os
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.git import Repository
from forkctl.forks.objects import SUBMODULE
from forkctl.forks.processes import Children
from forkctl.forks.state import BRANCH, TreeState
from forkctl.forks.workspace import Workspace

# While one of these is in progress, the tree holds work that is not in any commit yet.
_IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "BISECT_LOG": "bisect",
    "sequencer": "cherry-pick or revert",
}


class GitStatus(NamedTuple):
    head: str | None
    branch: str | None  # None: HEAD is detached
    changed: tuple[str, ...]  # tracked files that differ, in the index or on disk
    untracked: tuple[str, ...]
    in_progress: str | None  # "merge", "rebase", …

    @property
    def dirty(self) -> bool:
        return bool(self.changed or self.untracked)

    def at(self, state: TreeState) -> bool:
        """Whether HEAD is where forkctl left it."""
        return self.head == state.head and self.branch == BRANCH.removeprefix("refs/heads/")


def open_tree(workspace: Workspace, name: str, children: Children) -> Repository:
    tree = workspace.tree(name)
    return Repository(tree / ".git", children, tree)


def git_status(repo: Repository) -> GitStatus:
    out = repo.as_user(
        "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all",
        "--ignore-submodules=none", "--no-renames",
    )  # fmt: skip
    head = branch = None
    changed, untracked = [], []
    for record in os.fsdecode(out).split("\0"):
        kind, _, rest = record.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            if name == "branch.oid":
                head = None if value == "(initial)" else value
            elif name == "branch.head":
                branch = None if value == "(detached)" else value
        elif kind == "1":
            _, how, _, _, staged, _, _, _, path = record.split(" ", 8)
            if (how, staged) != (".D", SUBMODULE):  # whose folder holds nothing of ours
                changed.append(path)
        elif kind == "u":
            changed.append(record.split(" ", 10)[10])
        elif kind == "?":
            untracked.append(rest)
    in_progress = next(
        (what for name, what in _IN_PROGRESS.items() if (repo.git_dir / name).exists()), None
    )
    return GitStatus(head, branch, tuple(changed), tuple(untracked), in_progress)


def require_untouched(repo: Repository, state: TreeState) -> None:
    """Refuse to move a tree that has local changes, and say how to go on."""
    status, where = git_status(repo), str(repo.work_tree)
    if status.in_progress:
        raise ForkctlError(
            f"a {status.in_progress} is in progress in this tree",
            where=where,
            hint=f"finish or abort it with git in {where}, then run this again",
        )
    if status.dirty:
        raise ForkctlError(
            "this tree has uncommitted changes: " + first_few([*status.changed, *status.untracked]),
            where=where,
            hint=f"commit them and run `forkctl save {state.fork}`, or `git stash -u` in {where}",
        )
    if status.head != state.head:
        require_on_top(repo, status, state)
        raise ForkctlError(
            "this tree has commits of yours on top of what forkctl made",
            where=where,
            hint=f"turn them into patches with `forkctl save {state.fork}`, or put them aside with "
            f"`git switch -c mine && git branch -f forkctl {state.head[:12]} "
            "&& git switch forkctl`",
        )
    if not status.at(state):
        raise ForkctlError(
            f"HEAD is on {status.branch or 'no branch'} instead of forkctl",
            where=where,
            hint=f"`git switch forkctl` in {where}",
        )


def require_on_top(repo: Repository, status: GitStatus, state: TreeState) -> None:
    if status.head is None or not objects.is_ancestor(repo, state.head, status.head):
        raise ForkctlError(
            "HEAD is no longer on top of what forkctl made",
            where=str(repo.work_tree),
            hint=f"put your commits back on top with `git rebase {state.head[:12]}`, "
            f"or go back with `git reset --keep {state.head[:12]}` if there are none",
        )


def first_few(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
