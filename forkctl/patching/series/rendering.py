"""Pristine revision, overlays and patches become commits in an object store, nothing else moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.commits import write_commits
from forkctl.forks.git import Repository
from forkctl.forks.lockfile import Inputs, LockedFork
from forkctl.forks.manifest import Fork
from forkctl.forks.paths import fault_of_path
from forkctl.forks.workspace import Workspace
from forkctl.patching.engine.plain_apply import plain_applier
from forkctl.patching.model import CommitPlan, Patch, PatchOutcome
from forkctl.patching.reading.loading import load_series
from forkctl.patching.series.building import SeriesPlan, plan_series
from forkctl.patching.series.overlays import Overlay, load_overlays
from forkctl.patching.series.pinned_tree import PinnedTree, pinned_tree


@dataclass(frozen=True)
class Rendered:
    head: str
    tree: str
    commits: tuple[str, ...]
    outcomes: tuple[PatchOutcome, ...]

    def locked(self, inputs: Inputs) -> LockedFork:
        return LockedFork(inputs, commit=self.head, tree=self.tree)


def render(
    workspace: Workspace, fork: Fork, inputs: Inputs, pristine: Repository, store: Repository
) -> Rendered:
    """Make the fork's commits in `store`. The pin is read from `pristine` (often the same one)."""
    patches, overlays = load_inputs(workspace, fork, inputs)
    with pinned_tree(pristine, inputs.upstream, fork.sparse) as tree:
        plan = plan_fork(tree, fork, overlays, patches, store)
        commits = write_commits(store, inputs.upstream, tree.files, plan.commits)
    head = commits[-1] if commits else inputs.upstream
    return Rendered(head, git.tree_of(store, head), tuple(commits), plan.outcomes)


def plan_fork(
    tree: PinnedTree,
    fork: Fork,
    overlays: Sequence[Overlay],
    patches: Sequence[Patch],
    store: Repository,
) -> SeriesPlan:
    plan = plan_series(tree, fork.name, overlays, patches, plain_applier(store.children, tree))
    _require_sound(tree, fork, plan.commits)
    return plan


def load_inputs(
    workspace: Workspace, fork: Fork, inputs: Inputs
) -> tuple[list[Patch], tuple[Overlay, ...]]:
    """The patches and overlays whose digests `inputs` holds."""
    patches = [
        patch
        for series in fork.series
        for patch in load_series(workspace.patches, series)
        if f"{series}/{patch.name}" in inputs.patches
    ]
    for patch in patches:
        if inputs.patches[f"{patch.series}/{patch.name}"] != patch.digest:
            raise ForkctlError(
                "changed while it was read", where=str(patch.path), hint="run this again"
            )
    return patches, load_overlays(workspace.overlays, fork.overlays)


def _require_sound(tree: PinnedTree, fork: Fork, commits: Sequence[CommitPlan]) -> None:
    """The last look at where changes go, whatever made them."""
    files = set(tree.files)
    for commit in commits:
        for change in commit.changes:
            path = change.path
            if fault := fault_of_path(path):
                raise ForkctlError(f"{path!r} {fault}", where=f"{fork.name}: {commit.name}")
            tree.require_laid_out(path)
            parts = path.split("/")
            above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
            if change.content is not None and (above & files or path in tree.folders):
                raise ForkctlError(
                    f"{path!r} would take the place of a file or folder of upstream",
                    where=f"{fork.name}: {commit.name}",
                )
            files.discard(path) if change.content is None else files.add(path)
