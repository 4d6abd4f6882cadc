"""The user's commits on top of the applied series become plain patches of it.

The new files are tried before anything moves: rendered with them, the fork must come out as exactly
the tree that the user has. Their commits stay under refs/forkctl/saved/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.applied_patches import format_patch, slug
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import first_few, git_status, open_tree, require_on_top
from forkctl.forks.lockfile import LockedFork, read_lock, write_lock
from forkctl.forks.manifest import Fork, Manifest
from forkctl.forks.paths import require_inside
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState
from forkctl.forks.switch import remove_ref_locks, switch
from forkctl.forks.sync import settled_state
from forkctl.forks.workspace import Workspace
from forkctl.patching.reading.loading import patch_files
from forkctl.patching.series.inputs import identity_of, inputs_of, read_inputs
from forkctl.patching.series.rendering import render
from forkctl.reading import read_bytes


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
    fork = fork._replace(sparse=state.sparse)  # forks.toml may name different folders by now
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
    yours = state._replace(head=commits[-1], tree=objects.tree_of(repo, commits[-1]))
    switch(repo, yours, after)
    lock = read_lock(workspace.lock_file)
    inputs = inputs_of(workspace, fork, after.pin)
    write_lock(workspace.lock_file, {**lock, fork.name: LockedFork(inputs, after.head, after.tree)})
    return Saved(tuple(paths), after)


def _commits_on_top(repo: Repository, state: TreeState) -> list[str]:
    status = git_status(repo)
    where = str(repo.work_tree)
    if status.in_progress:
        raise ForkctlError(f"a {status.in_progress} is in progress in this tree", where=where)
    if status.dirty:
        raise ForkctlError(
            "this tree has uncommitted changes: " + first_few([*status.changed, *status.untracked]),
            where=where,
            hint="commit what belongs in patches, and put the rest aside with `git stash -u`",
        )
    if state.without:
        raise ForkctlError(
            f"the series is applied without {', '.join(state.without)}",
            where=where,
            hint="put your commits aside, apply the whole series, and put them back on top",
        )
    require_on_top(repo, status, state)
    if status.branch != "forkctl":
        raise ForkctlError(
            f"HEAD is on {status.branch or 'no branch'} instead of forkctl",
            where=where,
            hint=f"run `git switch forkctl && git merge --ff-only {status.head}` there",
        )
    assert status.head is not None
    if repo.line("rev-list", "--merges", f"{state.head}..{status.head}"):
        raise ForkctlError(
            "there is a merge among your commits, but patches are linear",
            where=where,
            hint=f"make them linear with `git rebase {state.head[:12]}`",
        )
    return objects.commits_between(repo, state.head, status.head)


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
    """All files, and those of them that are new: a file with the same bytes, left by an interrupted
    save, is used as it is."""
    folder = workspace.patches / series
    require_inside(workspace.root, folder)
    there = patch_files(workspace.patches, series)
    by_content = {read_bytes(path): path for path in there}
    number = max((int(path.name[:4]) for path in there), default=0)
    paths, new = [], []
    try:
        for commit in commits:
            content = format_patch(repo, commit, headers)
            if b"\ndiff --git " not in content:
                raise ForkctlError(
                    f"the commit {commit[:12]} is empty",
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
            write_atomically(path, content)
            new.append(path)
            paths.append(path)
    except BaseException:
        for path in new:
            path.unlink()
        raise
    return paths, new


def _rendered(
    workspace: Workspace, fork: Fork, repo: Repository, state: TreeState, must_be: str | None
) -> TreeState:
    """The state with the new patches. `must_be`: a commit whose tree must be the result."""
    inputs = read_inputs(workspace, fork, state.pin)
    remove_ref_locks(repo)
    rendered = render(fork, inputs, repo, repo)
    if must_be is not None and rendered.tree != objects.tree_of(repo, must_be):
        differing = repo.line(
            "diff", "--name-only", "--no-renames", rendered.head, must_be
        ).splitlines()
        raise ForkctlError(
            f"as patches, your commits would give a different tree (in {first_few(differing)})",
            where=fork.name,
            hint="your commits are unchanged; please report this",
        )
    return state._replace(
        identity=identity_of(fork, inputs.digests),
        without=(),
        head=rendered.head,
        tree=rendered.tree,
    )


def _keep(repo: Repository, commit: str) -> None:
    """Keep the user's own commits, whatever becomes of the patches."""
    refs = repo.line("for-each-ref", "--format=%(refname)", "refs/forkctl/saved/").split()
    number = max((int(ref.rpartition("/")[2]) for ref in refs), default=0) + 1
    repo.local("update-ref", f"refs/forkctl/saved/{number}", commit)
