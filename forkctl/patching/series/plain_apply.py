"""Apply a plain patch with git's own `apply`, falling back to a three-way merge.

The merge may use only the pristine and the current text of the files: what happens to be in one
machine's object store must not decide whether a patch applies, or with what result.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from forkctl.atomic import remove_folder
from forkctl.errors import ForkctlError
from forkctl.forks import git, objects
from forkctl.forks.commits import FileChange, NewCommit, write_commits
from forkctl.forks.git import GitError, Repository
from forkctl.forks.objects import BARE, write_repository
from forkctl.forks.processes import Children
from forkctl.patching.model import PlainPatch
from forkctl.patching.series.planning import PlainApplier, PristineTree

Contents = Mapping[str, bytes | None]


def plain_applier(children: Children, tree: PristineTree) -> PlainApplier:
    folder: Path | None = None  # made for the first patch, removed together with this function

    def apply_plain(patch: PlainPatch, current: Contents) -> Contents:
        nonlocal folder
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="forkctl-"))
            weakref.finalize(apply_plain, shutil.rmtree, folder, ignore_errors=True)
            write_repository(folder / "git", BARE)
        pristine = {path: tree.read(path) for path in patch.files}
        now = {path: current.get(path, pristine[path]) for path in patch.files}
        repo = Repository(folder / "git", children, folder / "files")
        try:
            return _apply_directly(repo, folder / "files", patch, now)
        except GitError as error:
            return _merge(repo._replace(work_tree=None), patch, pristine, now, error)

    return apply_plain


def _apply_directly(repo: Repository, files: Path, patch: PlainPatch, now: Contents) -> Contents:
    """On the files themselves, in a folder with no others."""
    files.mkdir()
    for path, content in now.items():
        if content is not None:
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            (files / path).write_bytes(content)
    try:
        repo.local("apply", "--whitespace=nowarn", stdin=patch.diff)
        return {
            path: (files / path).read_bytes() if (files / path).is_file() else None
            for path in patch.files
        }
    finally:
        remove_folder(files)


def _merge(
    repo: Repository, patch: PlainPatch, pristine: Contents, now: Contents, direct: GitError
) -> Contents:
    snapshots = [
        NewCommit("pristine", "pristine", _changes({}, pristine)),
        NewCommit("current", "current", _changes(pristine, now)),
    ]
    commits = write_commits(repo, None, objects.EMPTY, snapshots)
    index = repo.git_dir / "index"
    repo.local("read-tree", commits[-1].commit, index=index)
    try:
        repo.local(
            "apply", "--cached", "--3way", "--whitespace=nowarn", stdin=patch.diff, index=index
        )
    except GitError:
        raise ForkctlError(
            f"this plain patch does not apply: {git.reason_in(direct.stderr, 1)}",
            where=str(patch.path),
            hint="apply it by hand in the fork tree, commit, and run `forkctl save`; "
            "or write it as a structural patch, which survives such changes",
        ) from None
    result = repo.line("write-tree", index=index)
    with objects.blob_reader(repo) as blobs:
        files = objects.files_of(repo, result)
        return {p: blobs.read(files[p].oid) if p in files else None for p in patch.files}


def _changes(before: Contents, after: Contents) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path, content)
        for path, content in after.items()
        if content is not None or before.get(path) is not None
    )
