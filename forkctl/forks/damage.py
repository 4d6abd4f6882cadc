"""Find what is broken in a cached repository, and put it aside, so that it is fetched again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from forkctl.atomic import remove_folder, write_atomically
from forkctl.forks.git import GitError, Repository
from forkctl.forks.objects import BARE, MissingObject, write_repository

_PINS = "refs/forkctl/pins"
ASIDE = "damaged"


def faults(cached: Repository) -> list[str]:
    """Empty for a sound one. Every byte of its packs is read."""
    if not _opens(cached):
        return ["git does not take it for a repository"]
    if _is_release(cached):
        return [] if _is_whole(cached) else ["objects of the release are damaged"]
    packs = [f"{path.name} is damaged" for path in _bad_packs(cached)]
    return [*packs, *(f"the revision {pin.name} is not whole" for pin in _lost_pins(cached))]


def require_sound(cached: Repository) -> None:
    if found := faults(cached):
        raise MissingObject("; ".join(found), where=str(cached.git_dir))


def put_aside(cached: Repository) -> None:
    """What is sound stays: upstream may have lost a pin that is cached here."""
    if _is_release(cached):  # it is imported again from its archive
        for name in ("objects", "refs"):
            remove_folder(cached.git_dir / name)
        return
    aside = cached.git_dir / ASIDE
    aside.mkdir(exist_ok=True)
    for pack in list(_bad_packs(cached)):
        for path in (pack, pack.with_suffix(".pack"), pack.with_suffix(".idx")):
            if path.exists():
                path.replace(aside / path.name)
    write_repository(cached.git_dir, BARE)
    shallow = cached.git_dir / "shallow"
    if shallow.is_file():
        lines = shallow.read_text(errors="replace").splitlines()
        write_atomically(shallow, "".join(f"{line}\n" for line in lines if _is_id(line)))
    for ref in (cached.git_dir / "refs" / "forkctl").rglob("*"):
        if ref.is_file() and ref.parent.name != "pins":
            ref.unlink()  # of a history, which is fetched again
    for pin in list(_lost_pins(cached)):
        pin.unlink()


def _is_release(cached: Repository) -> bool:
    return (cached.git_dir / "archive.tar.gz").exists()


def _is_whole(cached: Repository) -> bool:
    try:
        cached.local("fsck", "--no-dangling", "--no-progress")
    except GitError:
        return False
    return True


def _opens(cached: Repository) -> bool:
    try:
        cached.local("rev-list", "--no-walk", "--all", "--ignore-missing")
    except GitError:
        return False
    return True


def _bad_packs(cached: Repository) -> Iterator[Path]:
    """Packs, and indexes of them, that do not end in the digest of what is before it."""
    folder = cached.git_dir / "objects" / "pack"
    for index in sorted(folder.glob("pack-*.idx")):
        pack = index.with_suffix(".pack")
        for path in (pack, index):
            content = path.read_bytes() if path.is_file() else b""
            if hashlib.sha1(content[:-20], usedforsecurity=False).digest() != content[-20:]:
                yield path
                break


def _lost_pins(cached: Repository) -> Iterator[Path]:
    for pin in sorted((cached.git_dir / _PINS).glob("*")):
        asked = ("rev-list", "--objects", "--no-walk", "--filter=blob:none", "--quiet", pin.name)
        try:
            cached.local(*asked)
        except GitError:
            yield pin


def _is_id(line: str) -> bool:
    return len(line) == 40 and set(line) <= set("0123456789abcdef")
