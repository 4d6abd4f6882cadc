"""Pristine revision, overlays and patches become commits in an object store; no tree is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.commits import NewCommit, write_commits
from forkctl.forks.git import Repository
from forkctl.forks.lockfile import Inputs, LockedFork
from forkctl.forks.manifest import Fork
from forkctl.forks.objects import BlobReader, Listing
from forkctl.forks.paths import fault_of_path
from forkctl.forks.sparse import Folders, chooser
from forkctl.patching.model import PatchOutcome
from forkctl.patching.reading.loading import parse_patch
from forkctl.patching.series.inputs import InputFiles
from forkctl.patching.series.plain_apply import plain_applier
from forkctl.patching.series.planning import plan_series


@dataclass(frozen=True)
class Rendered:
    head: str
    tree: str
    outcomes: tuple[PatchOutcome, ...]
    absent: tuple[str, ...]  # folders to lay out that neither the pin nor the series has

    def locked(self, inputs: Inputs) -> LockedFork:
        return LockedFork(inputs, commit=self.head, tree=self.tree)


def render(
    fork: Fork,
    inputs: InputFiles,
    pristine: Repository,
    store: Repository,
    known: LockedFork | None = None,
) -> Rendered:
    """Make the fork's commits in `store`. The pin is read from `pristine` (often the same one).

    `known`: a record of these commits, made when their files were checked. From the same inputs the
    same commits must come, so their files are not checked again."""
    known_sound = known is not None and known.inputs == inputs.digests
    pin = inputs.digests.upstream
    patches = [parse_patch(file.path, file.series, file.data) for file in inputs.patches]
    with pinned_tree(pristine, pin, fork.sparse) as tree:
        apply_plain = plain_applier(store.children, tree)
        plan = plan_series(tree, fork.name, inputs.overlays, patches, apply_plain, known_sound)
        files = _require_sound(tree, fork, plan.commits)
        commits = write_commits(store, pin, tree.listing, plan.commits)
    absent = tuple(
        folder
        for folder in fork.sparse or ()
        if not any(path == folder or path.startswith(f"{folder}/") for path in files)
    )
    head, root = commits[-1] if commits else (pin, objects.tree_of(pristine, pin))
    return Rendered(head, root, plan.outcomes, absent)


class PinnedTree:
    """The files of the pin as the engine reads them."""

    def __init__(self, listing: Listing, sparse: Folders, blobs: BlobReader) -> None:
        self.listing = listing
        self._laid_out = chooser(sparse)
        self._blobs = blobs

    def read(self, path: str) -> bytes | None:
        entry = self.listing.files.get(path)
        if entry is None:
            return None
        if entry.mode not in ("100644", "100755"):
            raise ForkctlError(
                "is not a regular file upstream; forkctl changes no others", where=path
            )
        self.require_laid_out(path)
        return self._blobs.read(entry.oid)

    def exists(self, path: str) -> bool:
        return path in self.listing.files or path in self.listing.folders

    def require_laid_out(self, path: str) -> None:
        if not self._laid_out(path):
            folder = path.rpartition("/")[0]
            raise ForkctlError(
                f"{path} is outside of the folders that this fork lays out",
                hint=f'add "{folder}" to `sparse` in forks.toml, then run `forkctl sync`',
            )


@contextmanager
def pinned_tree(repo: Repository, commit: str, sparse: Folders) -> Iterator[PinnedTree]:
    with objects.blob_reader(repo) as blobs:
        yield PinnedTree(objects.listing_of(repo, commit), sparse, blobs)


def _require_sound(tree: PinnedTree, fork: Fork, commits: Sequence[NewCommit]) -> set[str]:
    """A last check of where changes go, whatever made them. Returns the files that there are."""
    files = set(tree.listing.files)
    for commit in commits:
        for change in commit.changes:
            path = change.path
            if fault := fault_of_path(path):
                raise ForkctlError(f"{path!r} {fault}", where=f"{fork.name}: {commit.name}")
            tree.require_laid_out(path)
            parts = path.split("/")
            above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
            if change.content is not None and (above & files or path in tree.listing.folders):
                raise ForkctlError(
                    f"{path!r} would take the place of one of upstream's files or folders",
                    where=f"{fork.name}: {commit.name}",
                )
            files.discard(path) if change.content is None else files.add(path)
    return files


def fault_of_sparse(fork: Fork, rendered: Rendered) -> ForkctlError | None:
    """A misspelt folder would be left out in silence."""
    if not rendered.absent:
        return None
    return ForkctlError(
        f"`sparse` names {', '.join(map(repr, rendered.absent))}, which neither the pin nor the "
        "series has",
        where=f"forks.toml, [fork.{fork.name}]",
        hint="correct or remove it there, then run `forkctl sync`",
    )
