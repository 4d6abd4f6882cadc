"""Apply a plain patch as `git apply` does, falling back to a three-way merge.

What only changes lines is done here: for many patches, a git for each takes most of the time.

The merge may use only the pristine and the current text of the files: what happens to be in one
machine's object store must not decide whether a patch applies, or with what result.
"""

from __future__ import annotations

import contextlib
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
from forkctl.patching.reading.gitdiff import read_diff
from forkctl.patching.series.hunks import lines_of, place
from forkctl.patching.series.planning import BY_HAND, PlainApplier, PristineTree
from forkctl.scratch import scratch_folder

Contents = Mapping[str, bytes | None]


def plain_applier(children: Children, tree: PristineTree) -> PlainApplier:
    folder: Path | None = None  # made for the first patch, removed together with this function

    def apply_plain(patch: PlainPatch, current: Contents) -> Contents:
        nonlocal folder
        now = {p: current[p] if p in current else tree.read(p) for p in patch.files}
        if (changed := _lines_changed(patch, now)) is not None:
            return changed
        if folder is None:
            held = contextlib.ExitStack()
            folder = held.enter_context(scratch_folder())
            weakref.finalize(apply_plain, held.close)
            write_repository(folder / "git", BARE)
        pristine = {path: tree.read(path) for path in patch.files}
        repo = Repository(folder / "git", children, folder / "files")
        try:
            return _apply_directly(repo, folder / "files", patch, now)
        except GitError as error:
            return _merge(repo._replace(work_tree=None), patch, pristine, now, error)

    return apply_plain


def _lines_changed(patch: PlainPatch, now: Contents) -> Contents | None:
    """The result, if the patch only changes lines, and each hunk has its place."""
    touched, _ = read_diff(patch.diff)
    results: dict[str, bytes | None] = {}
    for file in touched:
        content = now.get(file.path)
        if not file.in_place or not file.hunks or content is None or file.path in results:
            return None
        placed = place(file.hunks, lines_of(content))
        if placed is None:
            return None
        results[file.path] = b"".join(placed.lines)
    return results or None


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
            hint=BY_HAND,
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
