"""Which inputs made a commit or tree: looked up in fork trees, forks.lock and its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError, UsageError
from forkctl.forks.applied_patches import AppliedCommit, applied_commits
from forkctl.forks.git import Repository, own_repository
from forkctl.forks.local_changes import open_tree
from forkctl.forks.lockfile import LockedFork, parse_lock, read_lock
from forkctl.forks.manifest import Fork
from forkctl.forks.objects import blob_reader, files_at
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState, state_of
from forkctl.forks.workspace import Workspace

_LEAST = 7


@dataclass(frozen=True)
class Origin:
    fork: str
    found_in: str  # "forks/NAME", "forks.lock", or "forks.lock at <commit>"
    commit: str
    tree: str
    upstream: str
    patches: tuple[str, ...]
    note: str = ""


def which(
    workspace: Workspace, forks: Sequence[Fork], children: Children, wanted: str
) -> list[Origin]:
    """Every place that knows this commit or tree id (or the beginning of one)."""
    wanted = wanted.lower()
    if len(wanted) < _LEAST or not all(c in "0123456789abcdef" for c in wanted):
        raise UsageError(
            f"{wanted!r} is not a commit or tree id", hint=f"give {_LEAST} or more hex digits"
        )
    found = [
        *_in_trees(workspace, forks, children, wanted),
        *_in_lock(read_lock(workspace.lock_file), "forks.lock", wanted),
    ]
    return found or list(_in_history(workspace, children, wanted))


def _in_trees(
    workspace: Workspace, forks: Sequence[Fork], children: Children, wanted: str
) -> Iterator[Origin]:
    for fork in forks:
        try:
            state = state_of(workspace, fork.name)
        except ForkctlError:
            continue  # not a tree of ours
        if state is None:
            continue
        repo = open_tree(workspace, fork.name, children)
        for tip, note in _tips(repo, state):
            origin = _in_line(repo, state, tip, note, wanted)
            if origin:
                yield origin
                break


def _tips(repo: Repository, state: TreeState) -> Iterator[tuple[str, str]]:
    yield state.head, ""
    refs = repo.line(
        "for-each-ref", "--sort=-refname", "--format=%(objectname) %(refname)",
        "refs/forkctl/rescue/", "refs/forkctl/saved/",
    )  # fmt: skip
    for line in refs.splitlines():
        oid, ref = line.split(" ", 1)
        yield oid, "your commits before `save`" if "/saved/" in ref else "applied earlier"


def _in_line(repo: Repository, state: TreeState, tip: str, note: str, wanted: str) -> Origin | None:
    pin = state.pin
    commits = applied_commits(repo, state, tip)
    if pin.startswith(wanted):
        return Origin(state.fork, _place(state), pin, "", pin, (), "the pristine revision")
    for index, commit in enumerate(commits):
        if wanted and (commit.oid.startswith(wanted) or commit.tree.startswith(wanted)):
            above = len(commits) - index - 1
            later = f"{above} later commit{'s' * (above > 1)} of the series on top"
            note = note or (later if above else "")
            return Origin(
                state.fork, _place(state), commit.oid, commit.tree, pin,
                _patches(commits[: index + 1]), note,
            )  # fmt: skip
    return None


def _patches(commits: Sequence[AppliedCommit]) -> tuple[str, ...]:
    return tuple(f"{commit.patch} {commit.digest}" for commit in commits if commit.patch)


def _place(state: TreeState) -> str:
    return f"forks/{state.fork}"


def _in_lock(lock: dict[str, LockedFork], place: str, wanted: str) -> Iterator[Origin]:
    for name, locked in lock.items():
        if locked.commit.startswith(wanted) or locked.tree.startswith(wanted):
            patches = tuple(f"{patch} {d}" for patch, d in sorted(locked.inputs.patches.items()))
            yield Origin(name, place, locked.commit, locked.tree, locked.inputs.upstream, patches)


def _in_history(workspace: Workspace, children: Children, wanted: str) -> Iterator[Origin]:
    """The states that forks.lock had in the workspace's own repository, newest first."""
    own = own_repository(workspace.root, children)
    if own is None:
        return
    prefix = own.line("rev-parse", "--show-prefix")
    path = f"{prefix}{workspace.lock_file.name}"
    commits = own.line("log", "--all", "--format=%H", "--", workspace.lock_file.name).split()
    with blob_reader(own) as blobs:
        for commit in commits:
            entry = files_at(own, commit, [path]).get(path)
            if entry is None:
                continue  # this commit removed it
            place = f"forks.lock at {commit[:12]}"
            text = blobs.read(entry.oid).decode("utf-8", "replace")
            try:
                lock = parse_lock(text, place)
            except ForkctlError:
                continue  # it is damaged in this commit
            found = list(_in_lock(lock, place, wanted))
            if found:
                yield from found
                return
