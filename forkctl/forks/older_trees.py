"""Bring a tree that an older forkctl laid out to the bytes that git stores.

It let .gitattributes of upstream convert line ends and the like. Without those, converted files
count as changed by the user, so they are put right before the attributes are turned off: whatever
interrupts this, it starts anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from forkctl.atomic import remove_folder, write_atomically
from forkctl.forks.disk import look
from forkctl.forks.git import Repository
from forkctl.forks.objects import id_of
from forkctl.forks.state import own_folder
from forkctl.forks.switch import hold_index, release_index
from forkctl.forks.tree import ATTRIBUTES

_FILES = ("100644", "100755")


def turn_attributes_off(repo: Repository) -> None:
    assert repo.work_tree
    own = own_folder(repo.work_tree)
    hold_index(repo)
    try:
        remove_folder(own / "older")
        whole = _put_right(repo, repo.work_tree, own / "older")
        _compare_anew(repo, whole, own / "index.next")
        write_atomically(repo.git_dir / "info" / "attributes", ATTRIBUTES)
    finally:
        release_index(repo)
    remove_folder(own / "older")


def _put_right(repo: Repository, tree: Path, area: Path) -> dict[str, str]:
    """Give files that are as the attributes made them the bytes that git stores. Others are the
    user's. Returns the index's records of the files that are as they are stored."""
    records, oids = {}, {}
    for record in os.fsdecode(repo.local("ls-files", "--stage", "-z")).split("\0")[:-1]:
        about, _, path = record.partition("\t")
        mode, oid, stage = about.split(" ")
        if mode in _FILES and stage == "0":
            records[path], oids[path] = record, oid
    seen = {path: look(tree, path) for path in oids}
    there = [path for path in oids if seen[path] and not (tree / path).is_symlink()]
    other = [path for path in there if id_of("blob", (tree / path).read_bytes()) != oids[path]]
    names = b"".join(os.fsencode(path) + b"\0" for path in other)
    repo.local("checkout-index", f"--prefix={area}/", "-z", "--stdin", stdin=names)
    kept = set()
    for path in other:
        made = area / path
        as_made = made.read_bytes() == (tree / path).read_bytes()
        made.write_bytes(repo.local("cat-file", "blob", oids[path]))
        made.chmod((tree / path).stat().st_mode & 0o777)
        if as_made and look(tree, path) == seen[path]:
            made.replace(tree / path)
        else:
            kept.add(path)
    return {path: records[path] for path in there if path not in kept}


def _compare_anew(repo: Repository, whole: Mapping[str, str], index: Path) -> None:
    """git takes a file of another size than the index knows as changed, and does not look at it."""
    listed = os.fsdecode(repo.local("diff-files", "--name-only", "-z")).split("\0")
    stale = "".join(f"{whole[path]}\0" for path in listed if path in whole)
    if stale:
        shutil.copy2(repo.git_dir / "index", index)  # by its time git knows what it must look at
        repo.local("update-index", "-z", "--index-info", stdin=os.fsencode(stale), index=index)
        repo.local("update-index", "-q", "--refresh", index=index, accept=(0, 1))
        index.replace(repo.git_dir / "index")
