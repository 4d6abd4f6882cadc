"""Move a live tree from one state to another so that a kill at any moment loses nothing.

First everything is prepared beside the tree: the new content of each changed file is staged and
the new index is written. Then git's own lock keeps the user's git out, the tree is looked at, a
journal records the old and the new state, and each file is renamed into place, unless it was
written to since that look: at any moment it is the old file or the new one. Index, branch and state
follow, and the journal is deleted last. The next command that finds a journal rolls forward: each
path must be old, new or absent; anything else is the user's work, and is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeGuard

from forkctl.atomic import remove_folder, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.disk import Look, differing, entries_of, is_free, look
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import first_few, require_untouched
from forkctl.forks.objects import SUBMODULE, TreeEntry
from forkctl.forks.sparse import Folders, chooser, cone_file
from forkctl.forks.state import (
    BRANCH,
    INDEX_LOCK_TEXT,
    PIN_REF,
    TreeState,
    damaged,
    is_our_index_lock,
    own_folder,
    state_from,
    write_state,
)
from forkctl.reading import read_json

_RESCUES_KEPT = 20
RESCUE = "refs/forkctl/rescue/"

# path -> (what it was, what it becomes); None: no file
Changes = Mapping[str, tuple[TreeEntry | None, TreeEntry | None]]


def switch(repo: Repository, old: TreeState, new: TreeState) -> None:
    """Refuses if the tree is not at `old`, or has local changes."""

    def require_old() -> str:
        require_untouched(repo, old)
        return old.head

    _roll(repo, old, new, require_old)


def recover(repo: Repository) -> TreeState | None:
    """Finish a switch that was interrupted; return the state it ends in, None if there was none."""
    assert repo.work_tree
    own = own_folder(repo.work_tree)
    journal = own / "switch.json"
    if not journal.is_file():
        release_index(repo)
        return None
    try:
        raw = read_json(journal)
        old, new = state_from(raw["from"]), state_from(raw["to"])
    except (ValueError, LookupError, TypeError) as error:
        raise damaged(journal, error) from None
    _remove_stale_locks(repo)

    def require_left_alone() -> str:
        return _require_left_alone(repo, old, new)

    require_left_alone()  # before git's lock is taken, with which the hints cannot be followed
    _roll(repo, old, new, require_left_alone)
    return new


def _require_left_alone(repo: Repository, old: TreeState, new: TreeState) -> str:
    """HEAD, which must be where an interrupted switch left it."""
    head = objects.resolve(repo, "HEAD")
    if head not in (old.head, new.head):
        raise ForkctlError(
            "a switch was interrupted here, and HEAD has moved since",
            where=str(repo.work_tree),
            hint=f"keep your commits with `git branch mine` there, then run "
            f"`git reset --soft {old.head[:12]}` there and forkctl again",
        )
    if _staged(repo, old.head) and _staged(repo, new.head):
        raise ForkctlError(
            "a switch was interrupted here, and changes have been staged since: "
            + first_few(_staged(repo, old.head)),
            where=str(repo.work_tree),
            hint="unstage them with `git reset` there (it keeps the files), then run forkctl again",
        )
    return head


def _roll(repo: Repository, old: TreeState, new: TreeState, require: Callable[[], str]) -> None:
    """`require` refuses a tree with work of the user's in it, and returns its HEAD."""
    assert repo.work_tree
    remove_ref_locks(repo)
    own, tree = own_folder(repo.work_tree), repo.work_tree
    changes = _changes(repo, old, new)
    next_index = own / "index.next"
    _write_index(repo, next_index, new)
    _stage(repo, next_index, own / "stage", changes)
    hold_index(repo)
    journal = own / "switch.json"
    try:
        seen = {path: look(tree, path) for path in changes}  # before the content is compared
        head = require()
        _require_old_or_new(repo, changes)
        write_atomically(
            journal, json.dumps({"from": old._asdict(), "to": new._asdict()}, indent=1)
        )
    except BaseException:
        if not journal.is_file():
            release_index(repo)
        raise
    _write_sparse(repo, new.sparse)
    _move_files(tree, own / "stage", changes, seen)
    repo.local("update-index", "-q", "--refresh", index=next_index, accept=(0, 1))
    next_index.replace(repo.git_dir / "index")
    _move_branch(repo, head, new)
    write_state(tree, new)
    journal.unlink()
    release_index(repo)
    remove_folder(own / "stage")


def _changes(repo: Repository, old: TreeState, new: TreeState) -> Changes:
    if old.sparse == new.sparse:
        chosen = chooser(new.sparse)
        return {
            path: (before, after)
            for path, (before, after) in objects.changed_files(repo, old.head, new.head).items()
            if chosen(path)
        }
    before, after = (entries_of(repo, state.head, state.sparse) for state in (old, new))
    return {
        path: (before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    }


def _is_file(entry: TreeEntry | None) -> TypeGuard[TreeEntry]:
    """False for a submodule, too: an empty folder, as git lays it out."""
    return entry is not None and entry.mode != SUBMODULE


def _require_old_or_new(repo: Repository, changes: Changes) -> None:
    tree = repo.work_tree
    assert tree

    def not_as(wanted: Mapping[str, TreeEntry | None]) -> set[str]:
        files = {path: entry for path, entry in wanted.items() if _is_file(entry)}
        found = differing(tree, files)
        empty = wanted.keys() - files.keys()
        return found | {path for path in empty if not is_free(tree, path, changes)}

    not_old = not_as({path: old for path, (old, _) in changes.items()})
    not_new = not_as({path: changes[path][1] for path in not_old})
    if strange := not_as(dict.fromkeys(not_new)):
        _refuse(tree, sorted(strange))


def _refuse(tree: Path, strange: list[str]) -> NoReturn:
    raise ForkctlError(
        f"these files differ from what forkctl left: {first_few(strange)}",
        where=str(tree),
        hint="move them out of the tree (even if git ignores them), then run this again",
    )


def _stage(repo: Repository, index: Path, stage: Path, changes: Changes) -> None:
    remove_folder(stage)
    stage.mkdir()
    coming = [path for path, (_, new) in changes.items() if _is_file(new)]
    if not coming:
        return
    names = b"".join(os.fsencode(path) + b"\0" for path in coming)
    repo.local("checkout-index", f"--prefix={stage}/", "-z", "--stdin", stdin=names, index=index)


def _write_index(repo: Repository, index: Path, new: TreeState) -> None:
    """The whole new index; files outside of the sparse folders are marked as not laid out."""
    index.unlink(missing_ok=True)
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    repo.local("read-tree", new.head, index=index)
    if new.sparse is None:
        return
    chosen = chooser(new.sparse)
    outside = [path for path in objects.files_of(repo, new.head) if not chosen(path)]
    if outside:
        names = b"".join(os.fsencode(path) + b"\0" for path in outside)
        repo.local("update-index", "--skip-worktree", "-z", "--stdin", stdin=names, index=index)


def hold_index(repo: Repository) -> None:
    """Keep the user's own git out while files move, with the lock that git itself uses."""
    assert repo.work_tree
    lock, text = repo.git_dir / "index.lock", own_folder(repo.work_tree) / "index.lock"
    text.write_bytes(INDEX_LOCK_TEXT)
    try:
        _appear(lock, text)
    except FileExistsError:
        if not is_our_index_lock(lock):
            raise ForkctlError(
                "another git process is at work in this tree (.git/index.lock exists)",
                where=str(repo.work_tree),
                hint="let it finish, then run this again; if no git is running, delete that file",
            ) from None
    finally:
        text.unlink()


def _appear(lock: Path, text: Path) -> None:
    """A file that is not there yet appears with its content, so that it is always known as ours;
    where the file system has no hard links (exFAT, some network drives) with a moment between."""
    try:
        lock.hardlink_to(text)
    except FileExistsError:
        raise
    except OSError:
        with lock.open("xb") as file:
            file.write(text.read_bytes())


def release_index(repo: Repository) -> None:
    lock = repo.git_dir / "index.lock"
    if is_our_index_lock(lock):
        lock.unlink()


def _write_sparse(repo: Repository, sparse: Folders) -> None:
    path = repo.git_dir / "info" / "sparse-checkout"
    write_atomically(path, cone_file(sparse))


def _move_files(tree: Path, stage: Path, changes: Changes, seen: Mapping[str, Look]) -> None:
    for path, (_, new) in changes.items():
        if not _is_file(new):
            _remove(tree, path, seen[path])
    for path, (_, new) in changes.items():
        staged = stage / path
        if new and not _is_file(new):
            (tree / path).mkdir(parents=True, exist_ok=True)
        elif new is not None and os.path.lexists(staged):
            target = tree / path
            if target.is_dir() and not target.is_symlink():
                _remove_empty_folders(tree, target)
            target.parent.mkdir(parents=True, exist_ok=True)
            now = look(tree, path)
            if now is not None and (not now or now != seen[path]):
                _refuse(tree, [path])
            staged.replace(target)


def _remove(tree: Path, path: str, seen: Look) -> None:
    target = tree / path
    if now := look(tree, path):
        if now != seen:
            _refuse(tree, [path])
        target.unlink()
    for folder in (target, *target.parents):
        if folder == tree:
            break
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            break  # not empty: ignored files stay where they are


def _remove_empty_folders(tree: Path, folder: Path) -> None:
    for here, _, files in os.walk(folder, topdown=False):
        if files:
            _refuse(tree, [str(Path(here, name).relative_to(tree)) for name in files])
        Path(here).rmdir()


def _move_branch(repo: Repository, head: str, new: TreeState) -> None:
    """From `head`: git refuses if the branch is elsewhere by now."""
    script = f"update {BRANCH} {new.head} {head}\nupdate {PIN_REF} {new.pin}\n"
    if head != new.head:  # keep what the branch leaves
        script += f"update {RESCUE}{head} {head}\n"
    repo.local("update-ref", "-m", "forkctl: switch", "--stdin", stdin=script.encode())
    rescues = [path for path in (repo.git_dir / RESCUE).glob("*") if len(path.name) == 40]
    for forgotten in sorted(rescues, key=lambda path: path.stat().st_mtime)[:-_RESCUES_KEPT]:
        forgotten.unlink()  # can be made again from its inputs


def _staged(repo: Repository, commit: str) -> list[str]:
    out = repo.local("diff-index", "--cached", "--name-only", "--no-renames", "-z", commit)
    return [os.fsdecode(path) for path in out.split(b"\0") if path]


def _remove_stale_locks(repo: Repository) -> None:
    """Those that a killed child of ours left. None is still running: it would hold our lock."""
    if not is_our_index_lock(repo.git_dir / "index.lock"):
        return  # the user's git may be at work; `hold_index` will refuse
    for name in ("HEAD.lock", f"{BRANCH}.lock"):
        (repo.git_dir / name).unlink(missing_ok=True)


def remove_ref_locks(repo: Repository) -> None:
    """Those under refs/forkctl/, where only forkctl writes."""
    for stale in (repo.git_dir / "refs" / "forkctl").rglob("*.lock"):
        stale.unlink(missing_ok=True)
