"""Move a live tree from one state to another so that a kill at any moment loses nothing.

First everything is made ready beside the tree: the new content of each changed file is staged and
the new index is written. Then a journal says what moves to what, and each file is renamed into
place: at any moment it is the old file or the new one. Index, branch and state follow, and the
journal goes last. Whoever finds a journal rolls forward: each path must be old or new, anything
else is a person's work, and is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from forkctl.atomic import remove_folder, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.disk import SUBMODULE, can_hold_nothing, differing, laid_out
from forkctl.forks.git import Entry, Repository
from forkctl.forks.sparse import Folders, chooser, cone_file
from forkctl.forks.standing import some
from forkctl.forks.state import (
    BRANCH,
    INDEX_LOCK_TEXT,
    PIN_REF,
    TreeState,
    is_our_index_lock,
    own_folder,
    write_state,
)

_RESCUES_KEPT = 20
RESCUE = "refs/forkctl/rescue/"

# path -> (what it was, what it becomes); None: no file
Changes = Mapping[str, tuple[Entry | None, Entry | None]]


def switch(repo: Repository, old: TreeState, new: TreeState) -> None:
    """The caller has made sure that the tree is `old` and that no work of a person is in it."""
    _roll(repo, old, new)


def recover(repo: Repository) -> TreeState | None:
    """Finish a switch that was interrupted. The state it ends in, or None: there was none."""
    assert repo.work_tree
    own = own_folder(repo.work_tree)
    journal = own / "switch.json"
    if not journal.is_file():
        _release_index(repo)
        return None
    raw = json.loads(journal.read_bytes())
    old, new = _state(raw["from"]), _state(raw["to"])
    _remove_stale_locks(repo)
    head = git.resolve(repo, "HEAD")
    if head not in (old.head, new.head):
        raise ForkctlError(
            "a switch was interrupted here, and HEAD was moved since",
            where=str(repo.work_tree),
            hint=f"`git reset --soft {old.head[:12]}` there, then run forkctl again",
        )
    if _staged(repo, old.head) and _staged(repo, new.head):
        raise ForkctlError(
            "a switch was interrupted here, and changes were staged since: "
            + some(_staged(repo, old.head)),
            where=str(repo.work_tree),
            hint="`git reset` there unstages them and keeps the files; then run forkctl again",
        )
    _roll(repo, old, new)
    return new


def _roll(repo: Repository, old: TreeState, new: TreeState) -> None:
    assert repo.work_tree
    remove_ref_locks(repo)
    own, tree = own_folder(repo.work_tree), repo.work_tree
    changes = _changes(repo, old, new)
    _require_old_or_new(repo, changes)
    next_index = own / "index.next"
    _write_index(repo, next_index, new)
    _stage(repo, next_index, own / "stage", changes)
    _hold_index(repo)
    journal = own / "switch.json"
    try:
        write_atomically(
            journal, json.dumps({"from": old._asdict(), "to": new._asdict()}, indent=1)
        )
    except BaseException:
        if not journal.is_file():
            _release_index(repo)
        raise
    _write_sparse(repo, new.sparse)
    _move_files(tree, own / "stage", changes)
    repo.local("update-index", "-q", "--refresh", index=next_index, accept=(0, 1))
    next_index.replace(repo.git_dir / "index")
    _move_branch(repo, old, new)
    write_state(tree, new)
    journal.unlink()
    _release_index(repo)
    remove_folder(own / "stage")


def _state(raw: dict[str, object]) -> TreeState:
    for key in ("sparse", "without"):
        if raw[key] is not None:
            raw[key] = tuple(raw[key])  # type: ignore[arg-type]
    return TreeState(**raw)  # type: ignore[arg-type]


def _changes(repo: Repository, old: TreeState, new: TreeState) -> Changes:
    if old.sparse == new.sparse:
        chosen = chooser(new.sparse)
        return {
            path: (before, after)
            for path, (before, after) in git.changed_files(repo, old.head, new.head).items()
            if chosen(path) and SUBMODULE not in (before and before.mode, after and after.mode)
        }
    before, after = (laid_out(repo, state.head, state.sparse) for state in (old, new))
    return {
        path: (before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    }


def _require_old_or_new(repo: Repository, changes: Changes) -> None:
    assert repo.work_tree
    leaving = {path for path, (_, new) in changes.items() if new is None}

    def not_there(wanted: Mapping[str, Entry | None]) -> set[str]:
        found = differing(repo, {path: entry for path, entry in wanted.items() if entry})
        empty = (path for path, entry in wanted.items() if entry is None)
        tree = repo.work_tree or Path()
        return found | {path for path in empty if not can_hold_nothing(tree, path, leaving)}

    moved = not_there({path: old for path, (old, _) in changes.items()})
    strange = sorted(not_there({path: changes[path][1] for path in moved}))
    if strange:
        raise ForkctlError(
            f"files here are not what forkctl left, and would be overwritten: {some(strange)}",
            where=str(repo.work_tree),
            hint="move them out of the tree (ignored files count too), then run this again",
        )


def _stage(repo: Repository, index: Path, stage: Path, changes: Changes) -> None:
    remove_folder(stage)
    stage.mkdir()
    coming = {path: new for path, (_, new) in changes.items() if new}
    if not coming:
        return
    names = b"".join(os.fsencode(path) + b"\0" for path in coming)
    repo.local("checkout-index", f"--prefix={stage}/", "-z", "--stdin", stdin=names, index=index)


def _write_index(repo: Repository, index: Path, new: TreeState) -> None:
    """The whole new index; what lies outside of the sparse folders is marked as not laid out."""
    index.unlink(missing_ok=True)
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    repo.local("read-tree", new.head, index=index)
    if new.sparse is None:
        return
    chosen = chooser(new.sparse)
    outside = [path for path in git.files_of(repo, new.head) if not chosen(path)]
    if outside:
        names = b"".join(os.fsencode(path) + b"\0" for path in outside)
        repo.local("update-index", "--skip-worktree", "-z", "--stdin", stdin=names, index=index)


def _hold_index(repo: Repository) -> None:
    """Keep the person's own git out while files move, by the lock that git itself uses."""
    assert repo.work_tree
    lock, text = repo.git_dir / "index.lock", own_folder(repo.work_tree) / "index.lock"
    text.write_bytes(INDEX_LOCK_TEXT)
    try:
        lock.hardlink_to(text)  # comes into being whole, so that it is known for ours
    except FileExistsError:
        if not is_our_index_lock(lock):
            raise ForkctlError(
                "another git process works in this tree (its index.lock is there)",
                where=str(repo.work_tree),
                hint="let it finish, then run this again; remove the file if no git runs any more",
            ) from None
    finally:
        text.unlink()


def _release_index(repo: Repository) -> None:
    lock = repo.git_dir / "index.lock"
    if is_our_index_lock(lock):
        lock.unlink()


def _write_sparse(repo: Repository, sparse: Folders) -> None:
    path = repo.git_dir / "info" / "sparse-checkout"
    write_atomically(path, cone_file(sparse))


def _move_files(tree: Path, stage: Path, changes: Changes) -> None:
    for path, (_, new) in changes.items():
        if new is None:
            _remove(tree, path)
    for path, (_, new) in changes.items():
        staged = stage / path
        if new is not None and os.path.lexists(staged):
            target = tree / path
            if target.is_dir() and not target.is_symlink():
                _remove_empty_folders(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)


def _remove(tree: Path, path: str) -> None:
    target = tree / path
    if target.is_symlink() or target.is_file():
        target.unlink()
    for parent in target.parents:
        if parent == tree:
            break
        try:
            parent.rmdir()
        except OSError:
            break  # it holds something: ignored files stay where they are


def _remove_empty_folders(folder: Path) -> None:
    for here, _, _ in os.walk(folder, topdown=False):
        Path(here).rmdir()


def _move_branch(repo: Repository, old: TreeState, new: TreeState) -> None:
    updates = {BRANCH: new.head, PIN_REF: new.pin}
    if old.head != new.head:  # keep the head that the branch leaves
        updates[f"{RESCUE}{old.head}"] = old.head
    script = "".join(f"update {ref} {oid}\n" for ref, oid in updates.items())
    repo.local("update-ref", "-m", "forkctl: switch", "--stdin", stdin=script.encode())
    rescues = [path for path in (repo.git_dir / RESCUE).glob("*") if len(path.name) == 40]
    for forgotten in sorted(rescues, key=lambda path: path.stat().st_mtime)[:-_RESCUES_KEPT]:
        forgotten.unlink()  # one that forkctl made of inputs that are written down


def _staged(repo: Repository, commit: str) -> list[str]:
    out = repo.local("diff-index", "--cached", "--name-only", "--no-renames", "-z", commit)
    return [os.fsdecode(path) for path in out.split(b"\0") if path]


def _remove_stale_locks(repo: Repository) -> None:
    """Those that a killed child of ours left. No such child lives: it would hold our lock."""
    if not is_our_index_lock(repo.git_dir / "index.lock"):
        return  # a person's git may be at work; `_hold_index` will refuse
    for name in ("HEAD.lock", f"{BRANCH}.lock"):
        (repo.git_dir / name).unlink(missing_ok=True)


def remove_ref_locks(repo: Repository) -> None:
    """In our own corner of the references only forkctl writes."""
    for stale in (repo.git_dir / "refs" / "forkctl").rglob("*.lock"):
        stale.unlink(missing_ok=True)
