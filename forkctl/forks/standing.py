"""How a live tree stands: where HEAD is, what a person changed, and what they are amid."""

from __future__ import annotations

import os
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.git import Repository
from forkctl.forks.processes import Children
from forkctl.forks.state import BRANCH, TreeState
from forkctl.forks.workspace import Workspace

# A person in the middle of one of these has work that no commit holds yet.
_UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "BISECT_LOG": "bisect",
    "sequencer": "cherry-pick or revert",
}


class Standing(NamedTuple):
    head: str | None
    branch: str | None  # None: HEAD is detached
    changed: tuple[str, ...]  # tracked files that differ, in the index or on disk
    untracked: tuple[str, ...]
    under_way: str | None

    @property
    def dirty(self) -> bool:
        return bool(self.changed or self.untracked)

    def at(self, state: TreeState) -> bool:
        """HEAD is where forkctl left it."""
        return self.head == state.head and self.branch == BRANCH.removeprefix("refs/heads/")


def open_tree(workspace: Workspace, name: str, children: Children) -> Repository:
    tree = workspace.tree(name)
    return Repository(tree / ".git", children, tree)


def standing_of(repo: Repository) -> Standing:
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
            changed.append(record.split(" ", 8)[8])
        elif kind == "u":
            changed.append(record.split(" ", 10)[10])
        elif kind == "?":
            untracked.append(rest)
    under_way = next(
        (what for name, what in _UNDER_WAY.items() if (repo.git_dir / name).exists()), None
    )
    return Standing(head, branch, tuple(changed), tuple(untracked), under_way)


def require_untouched(repo: Repository, state: TreeState) -> None:
    """Refuse to move a tree in which a person has work; say how they can go on."""
    standing, where = standing_of(repo), str(repo.work_tree)
    if standing.under_way:
        raise ForkctlError(
            f"a {standing.under_way} is under way in this tree",
            where=where,
            hint=f"finish or abort it with git in {where}, then run this again",
        )
    if standing.dirty:
        raise ForkctlError(
            "this tree has changes of yours that no commit holds: "
            + some([*standing.changed, *standing.untracked]),
            where=where,
            hint=f"commit them and run `forkctl save {state.fork}`, or `git stash -u` in {where}",
        )
    if standing.head != state.head:
        require_on_top(repo, standing, state)
        raise ForkctlError(
            "there are commits of yours on top of what forkctl made",
            where=where,
            hint=f"`forkctl save {state.fork}` turns them into patches; "
            "they are put aside by `git switch -c mine && "
            f"git branch -f forkctl {state.head[:12]} && git switch forkctl`",
        )
    if not standing.at(state):
        raise ForkctlError(
            f"HEAD is on {standing.branch or 'no branch'} instead of forkctl",
            where=where,
            hint=f"`git switch forkctl` in {where}",
        )


def require_on_top(repo: Repository, standing: Standing, state: TreeState) -> None:
    if standing.head is None or not git.is_ancestor(repo, state.head, standing.head):
        raise ForkctlError(
            "HEAD is no longer on top of what forkctl made",
            where=str(repo.work_tree),
            hint=f"`git rebase {state.head[:12]}` puts your commits back on top; "
            f"without any, `git reset --keep {state.head[:12]}`",
        )


def some(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
