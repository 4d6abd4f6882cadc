"""A person's commits on top of the applied series become plain patches of it.

The new files are tried before anything moves: rendered again with them, the fork must come out as
the very tree that the person has. Their commits stay under refs/forkctl/saved/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.git import Repository
from forkctl.forks.history import format_patch, slug
from forkctl.forks.lockfile import LockedFork, read_lock, write_lock
from forkctl.forks.manifest import Fork, Manifest
from forkctl.forks.paths import require_inside
from forkctl.forks.processes import Children
from forkctl.forks.standing import open_tree, require_on_top, some, standing_of
from forkctl.forks.state import TreeState
from forkctl.forks.switch import remove_ref_locks, switch
from forkctl.forks.sync import settled_state
from forkctl.forks.workspace import Workspace
from forkctl.patching.reading.names import patch_files
from forkctl.patching.series.inputs import identity_of, inputs_of
from forkctl.patching.series.rendering import render


@dataclass(frozen=True)
class Saved:
    patches: tuple[Path, ...]
    state: TreeState


def save(
    workspace: Workspace,
    manifest: Manifest,
    fork: Fork,
    children: Children,
    *,
    series: str | None = None,
    for_all: bool = False,
) -> Saved:
    state = settled_state(workspace, fork.name, children)
    if state is None:
        raise ForkctlError("is not laid out yet", where=fork.name, hint=f"forkctl sync {fork.name}")
    fork = fork._replace(sparse=state.sparse)  # forks.toml may name other folders by now
    repo = open_tree(workspace, fork.name, children)
    commits = _commits_on_top(repo, state)
    if not commits:
        return Saved((), state)
    chosen = _series(fork, series)
    shared = [f.name for f in manifest.forks if chosen in f.series and f.name != fork.name]
    headers = (f"X-Forkctl-Forks: {fork.name}",) if shared and not for_all else ()
    was_stale = identity_of(fork, inputs_of(workspace, fork, state.pin)) != state.identity
    paths, new = _write_patches(workspace, repo, chosen, commits, headers)
    try:
        after = _rendered(workspace, fork, repo, state, must_be=None if was_stale else commits[-1])
    except BaseException:
        for path in new:
            path.unlink()
        raise
    _keep(repo, commits[-1])
    yours = state._replace(head=commits[-1], tree=git.tree_of(repo, commits[-1]))
    switch(repo, yours, after)
    lock = read_lock(workspace.lock_file)
    inputs = inputs_of(workspace, fork, after.pin)
    write_lock(workspace.lock_file, {**lock, fork.name: LockedFork(inputs, after.head, after.tree)})
    return Saved(tuple(paths), after)


def _commits_on_top(repo: Repository, state: TreeState) -> list[str]:
    standing = standing_of(repo)
    where = str(repo.work_tree)
    if standing.under_way:
        raise ForkctlError(f"a {standing.under_way} is under way in this tree", where=where)
    if standing.dirty:
        raise ForkctlError(
            "this tree has changes that no commit holds: "
            + some([*standing.changed, *standing.untracked]),
            where=where,
            hint="commit what belongs into patches; `git stash -u` puts the rest aside",
        )
    if state.without:
        raise ForkctlError(
            f"the series is applied without {', '.join(state.without)}",
            where=where,
            hint="put your commits aside, `forkctl apply` the whole series, and put them on top",
        )
    require_on_top(repo, standing, state)
    if standing.branch != "forkctl":
        raise ForkctlError(
            f"HEAD is on {standing.branch or 'no branch'} instead of forkctl",
            where=where,
            hint=f"`git switch forkctl && git merge --ff-only {standing.head}` there",
        )
    assert standing.head is not None
    if repo.line("rev-list", "--merges", f"{state.head}..{standing.head}"):
        raise ForkctlError(
            "a merge is among your commits; patches are a straight line",
            where=where,
            hint=f"`git rebase {state.head[:12]}` straightens them",
        )
    return git.commits_between(repo, state.head, standing.head)


def _series(fork: Fork, wanted: str | None) -> str:
    if wanted is None and fork.series:
        return fork.series[-1]
    if wanted is None or wanted not in fork.series:
        raise ForkctlError(
            f"{wanted or 'no series'} is not a series of this fork",
            where=fork.name,
            hint="add one to `series` in forks.toml and make its folder in patches/",
        )
    return wanted


def _write_patches(
    workspace: Workspace,
    repo: Repository,
    series: str,
    commits: Sequence[str],
    headers: tuple[str, ...],
) -> tuple[list[Path], list[Path]]:
    """All files, and those that are new: one that holds the same bytes already is taken as it is
    (a save that was interrupted wrote it)."""
    folder = workspace.patches / series
    require_inside(workspace.root, folder)
    there = patch_files(workspace.patches, series)
    by_content = {path.read_bytes(): path for path in there}
    number = max((int(path.name[:4]) for path in there), default=0)
    paths, new = [], []
    try:
        for commit in commits:
            content = format_patch(repo, commit, headers)
            if b"\ndiff --git " not in content:
                raise ForkctlError(
                    f"the commit {commit[:12]} changes nothing",
                    where=str(repo.work_tree),
                    hint="drop it with `git rebase -i`",
                )
            if content in by_content:
                paths.append(by_content[content])
                continue
            number += 1
            path = (
                folder / f"{number:04}-{slug(repo.line('log', '-1', '--format=%s', commit))}.patch"
            )
            with path.open("xb") as out:
                new.append(path)
                out.write(content)
            paths.append(path)
    except BaseException:
        for path in new:
            path.unlink()
        raise
    return paths, new


def _rendered(
    workspace: Workspace, fork: Fork, repo: Repository, state: TreeState, must_be: str | None
) -> TreeState:
    """The state with the new patches. `must_be`: the commit whose tree has to come out."""
    inputs = inputs_of(workspace, fork, state.pin)
    remove_ref_locks(repo)
    rendered = render(workspace, fork, inputs, repo, repo)
    if must_be is not None and rendered.tree != git.tree_of(repo, must_be):
        differing = repo.line(
            "diff", "--name-only", "--no-renames", rendered.head, must_be
        ).splitlines()
        raise ForkctlError(
            f"as patches your commits would give another tree (in {some(differing)})",
            where=fork.name,
            hint="your commits are as they were; please report this",
        )
    return state._replace(
        identity=identity_of(fork, inputs),
        without=(),
        head=rendered.head,
        tree=rendered.tree,
    )


def _keep(repo: Repository, commit: str) -> None:
    """The person's own commits stay, whatever becomes of the patches."""
    refs = repo.line("for-each-ref", "--format=%(refname)", "refs/forkctl/saved/").split()
    number = max((int(ref.rpartition("/")[2]) for ref in refs), default=0) + 1
    repo.local("update-ref", f"refs/forkctl/saved/{number}", commit)
