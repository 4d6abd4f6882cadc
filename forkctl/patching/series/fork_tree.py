"""A fork's tree as a run sees it: which state it is in, and whether it has local changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import git_status
from forkctl.forks.manifest import Fork
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState, state_of
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.inputs import identity_of, inputs_of


@dataclass(frozen=True)
class ForkTree:
    fork: Fork
    path: Path
    state: TreeState
    behind: str | None  # how it differs from forks.toml, patches/ and overlays/; None: not at all

    @property
    def series(self) -> str:
        """The digest of the patches and overlays on top of the pin."""
        return self.state.identity or "pristine"

    @property
    def import_folders(self) -> tuple[Path, ...]:
        """Where Python finds the fork's own packages."""
        return (*(self.path / folder for folder in self.fork.python_path), self.path)

    def changes(self) -> tuple[str, ...]:
        """Changed and untracked files, and the user's own commits."""
        status = git_status(self._repository)
        own = () if status.head == self.state.head else (f"HEAD at {(status.head or '')[:12]}",)
        return (*status.changed, *status.untracked, *own)

    def difference(self) -> str:
        """The changes as a diff against what forkctl laid out; untracked files only by name."""
        diff = self._git("diff", "--binary", self.state.head)
        untracked = self._git("ls-files", "--others", "--exclude-standard").splitlines()
        return diff + "".join(f"# untracked: {name}\n" for name in untracked)

    def require_current(self) -> None:
        """Refuse a tree that differs from what the workspace says."""
        if self.behind is not None:
            name = self.fork.name
            raise ForkctlError(f"the fork {self.behind}", where=name, hint=f"forkctl apply {name}")

    @property
    def _repository(self) -> Repository:
        return Repository(self.path / ".git", Children(), self.path)

    def _git(self, *arguments: str) -> str:
        return self._repository.local(*arguments).decode("utf-8", "replace")


def open_fork_tree(workspace: Workspace, fork: Fork) -> ForkTree:
    state = state_of(workspace, fork.name)
    if state is None:
        raise ForkctlError(
            f"the fork {fork.name} is not laid out yet",
            where=str(workspace.tree(fork.name)),
            hint=f"forkctl sync {fork.name} && forkctl apply {fork.name}",
        )
    return ForkTree(fork, workspace.tree(fork.name), state, _behind(workspace, fork, state))


def _behind(workspace: Workspace, fork: Fork, state: TreeState) -> str | None:
    if not state.is_at_pin(fork):
        return "is at a different pin than forks.toml says"
    if state.identity is None:
        return "is not applied"
    if identity_of(fork, inputs_of(workspace, fork, state.pin, state.without)) != state.identity:
        return "was applied before its patches or overlays changed"
    return None
