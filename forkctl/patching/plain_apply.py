"""Apply a plain patch in memory with git's own `apply`, falling back to a three-way merge.

The merge may use the pristine and the current text of the files, and nothing else: what lies about
in one machine's object store must not decide whether a patch applies, or what comes of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.bare import BARE, write_repository
from forkctl.forks.commits import write_commits
from forkctl.forks.git import GitError, Repository
from forkctl.forks.processes import Children
from forkctl.patching.conditions import Readable
from forkctl.patching.model import FileChange, PlainPatch

Contents = Mapping[str, bytes | None]


@dataclass(frozen=True)
class _Snapshot:
    changes: tuple[FileChange, ...]
    message: str = "snapshot\n"
    author: None = None


def plain_applier(children: Children, tree: Readable) -> Callable[[PlainPatch, Contents], Contents]:
    def apply_plain(patch: PlainPatch, current: Contents) -> Contents:
        pristine = {path: tree.read(path) for path in patch.files}
        now = {path: current.get(path, pristine[path]) for path in patch.files}
        with tempfile.TemporaryDirectory(prefix="forkctl-") as scratch:
            write_repository(Path(scratch), BARE)
            repo = Repository(Path(scratch), children)
            return _apply(repo, patch, pristine, now)

    return apply_plain


def _apply(repo: Repository, patch: PlainPatch, pristine: Contents, now: Contents) -> Contents:
    snapshots = [_Snapshot(_changes({}, pristine)), _Snapshot(_changes(pristine, now))]
    commits = write_commits(repo, None, {}, snapshots)
    index = repo.git_dir / "index"
    repo.local("read-tree", commits[-1], index=index)
    try:
        repo.local("apply", "--cached", "--whitespace=nowarn", stdin=patch.diff, index=index)
    except GitError as direct:
        repo.local("read-tree", commits[-1], index=index)
        try:
            repo.local(
                "apply", "--cached", "--3way", "--whitespace=nowarn", stdin=patch.diff, index=index
            )
        except GitError:
            raise ForkctlError(
                f"this plain patch does not apply: {git.said(direct.stderr, 1)}",
                where=str(patch.path),
                hint="apply it by hand in the fork tree, commit, and `forkctl save`; "
                "or write it as a structural patch, which survives such changes",
            ) from None
    result = repo.line("write-tree", index=index)
    with git.blob_reader(repo) as blobs:
        files = git.files_of(repo, result)
        return {p: blobs.read(files[p].oid) if p in files else None for p in patch.files}


def _changes(before: Contents, after: Contents) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path, content)
        for path, content in after.items()
        if content is not None or before.get(path) is not None
    )
