"""The marker of a fork tree: it proves that forkctl made the tree and says what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork, GitSource
from forkctl.forks.workspace import Workspace
from forkctl.reading import read_json

FORMAT = 1
BRANCH = "refs/heads/forkctl"
PIN_REF = "refs/forkctl/pin"

# The content of `.git/index.lock` while forkctl moves files, which shows that the lock is ours.
INDEX_LOCK_TEXT = b"forkctl is switching this tree; run forkctl again and it will finish\n"


class TreeState(NamedTuple):
    fork: str
    source: str  # identity of the source in forks.toml that the pin came from
    url: str | None
    pin: str
    sparse: tuple[str, ...] | None
    identity: str | None  # digest of everything that was applied; None: the pristine pin
    without: tuple[str, ...]
    head: str
    tree: str

    def is_at_pin(self, fork: Fork) -> bool:
        """Whether this is the revision, and these are the folders, that forks.toml names."""
        return (self.source, self.sparse) == (fork.source.identity, fork.sparse)


def url_of(fork: Fork) -> str | None:
    return fork.source.url if isinstance(fork.source, GitSource) else None


def own_folder(tree: Path) -> Path:
    """Where forkctl keeps its own files in the .git of a fork."""
    return tree / ".git" / "forkctl"


def read_state(tree: Path) -> TreeState | None:
    """None if there is no marker."""
    path = own_folder(tree) / "state.json"
    try:
        raw = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise damaged(path, error) from None
    if not isinstance(raw, dict) or raw.pop("format", None) != FORMAT:
        raise ForkctlError(
            "was written by another version of forkctl",
            where=str(path),
            hint="use that version, or move the tree away and run `forkctl sync`",
        )
    try:
        return state_from(raw)
    except (LookupError, TypeError) as error:
        raise damaged(path, error) from None


def state_from(raw: dict[str, Any]) -> TreeState:
    """As it was kept in JSON, which has lists for tuples."""
    raw["sparse"] = None if raw["sparse"] is None else tuple(raw["sparse"])
    raw["without"] = tuple(raw["without"])
    return TreeState(**raw)


def damaged(path: Path, error: Exception) -> ForkctlError:
    """A note of forkctl's in a tree."""
    tree = path.parent.parent.parent
    return ForkctlError(
        f"is damaged: {error!r}",
        where=str(path),
        hint=f"save your own work, move {tree} away and run `forkctl sync {tree.name}`",
    )


def write_state(tree: Path, state: TreeState) -> None:
    write_atomically(
        own_folder(tree) / "state.json",
        json.dumps({"format": FORMAT, **state._asdict()}, indent=1) + "\n",
    )


def state_of(workspace: Workspace, name: str) -> TreeState | None:
    """The state of forks/<name>; None if nothing is there. Refuses what forkctl did not make."""
    tree = workspace.tree(name)
    for place in (workspace.forks, tree):
        if place.is_symlink():
            raise ForkctlError(
                "is a symbolic link; forkctl writes only to folders that it made itself",
                where=str(place),
                hint="put a folder there (or a bind mount, if the disk is too small)",
            )
    if not tree.exists():
        return None
    git_dir = tree / ".git"
    state = read_state(tree) if git_dir.is_dir() and not git_dir.is_symlink() else None
    if state is None:
        if tree.is_dir() and not any(tree.iterdir()):
            return None  # an empty folder: the new tree is renamed over it
        raise ForkctlError(
            "already exists and was not made by forkctl, so it stays untouched",
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
    """Was a switch of this tree interrupted?"""
    if (own_folder(tree) / "switch.json").is_file():
        return True
    return is_our_index_lock(tree / ".git" / "index.lock")


def is_our_index_lock(lock: Path) -> bool:
    return lock.is_file() and lock.read_bytes() == INDEX_LOCK_TEXT
