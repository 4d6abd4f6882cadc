"""The marker of a fork tree: proof that forkctl made it, and what it last put there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks.workspace import Workspace

FORMAT = 1
BRANCH = "refs/heads/forkctl"
PIN_REF = "refs/forkctl/pin"

# What `.git/index.lock` holds while forkctl moves files, so that it is known for ours.
INDEX_LOCK_TEXT = b"forkctl is switching this tree; run forkctl again and it will finish\n"


class TreeState(NamedTuple):
    fork: str
    source: str  # identity of the manifest's source: what the pin came from
    url: str | None
    pin: str
    sparse: tuple[str, ...] | None
    identity: str | None  # digest of everything that was applied; None: the pristine pin
    without: tuple[str, ...]
    head: str
    tree: str


def own_folder(tree: Path) -> Path:
    """Everything of ours inside of a fork's .git."""
    return tree / ".git" / "forkctl"


def read_state(tree: Path) -> TreeState | None:
    """None where there is no such marker."""
    path = own_folder(tree) / "state.json"
    try:
        raw = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise ForkctlError(f"is damaged: {error}", where=str(path)) from error
    if raw.pop("format", None) != FORMAT:
        raise ForkctlError(
            "was written by another version of forkctl",
            where=str(path),
            hint="use that version, or move the tree away and run `forkctl sync`",
        )
    raw["sparse"] = None if raw["sparse"] is None else tuple(raw["sparse"])
    raw["without"] = tuple(raw["without"])
    return TreeState(**raw)


def write_state(tree: Path, state: TreeState) -> None:
    write_atomically(
        own_folder(tree) / "state.json",
        json.dumps({"format": FORMAT, **state._asdict()}, indent=1) + "\n",
    )


def state_of(workspace: Workspace, name: str) -> TreeState | None:
    """The state of forks/<name>; None where nothing is; refuses what forkctl did not make."""
    tree = workspace.tree(name)
    for place in (workspace.forks, tree):
        if place.is_symlink():
            raise ForkctlError(
                "is a symbolic link; forkctl writes only where it made the folder itself",
                where=str(place),
                hint="put a folder there (a bind mount serves where the disk is too small)",
            )
    if not tree.exists():
        return None
    git_dir = tree / ".git"
    state = read_state(tree) if git_dir.is_dir() and not git_dir.is_symlink() else None
    if state is None:
        if tree.is_dir() and not any(tree.iterdir()):
            return None  # an empty folder: a rename takes its place
        raise ForkctlError(
            "is there already and was not made by forkctl; it stays untouched",
            where=str(tree),
            hint=f"move it away, then run `forkctl sync {name}`",
        )
    if state.fork != name:
        raise ForkctlError(
            f"was made as the fork {state.fork!r}",
            where=str(tree),
            hint=f"rename the folder back to {state.fork}",
        )
    return state


def interrupted(tree: Path) -> bool:
    """Was a switch of this tree cut short?"""
    if (own_folder(tree) / "switch.json").is_file():
        return True
    return is_our_index_lock(tree / ".git" / "index.lock")


def is_our_index_lock(lock: Path) -> bool:
    return lock.is_file() and lock.read_bytes() == INDEX_LOCK_TEXT
