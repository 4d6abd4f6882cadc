"""A fork's tree as a run sees it: which state it is in, and whether a person changed it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Entrypoint, Fork
from forkctl.forks.manifest import Environment as EnvironmentSpec
from forkctl.forks.processes import Children
from forkctl.forks.standing import standing_of
from forkctl.forks.state import TreeState, state_of
from forkctl.forks.synced import is_at_pin
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.inputs import identity_of, inputs_of


@dataclass(frozen=True)
class ForkTree:
    fork: Fork
    path: Path
    state: TreeState
    behind: str | None  # why it is not what forks.toml, patches/ and overlays/ say; None: it is

    @property
    def series(self) -> str:
        """What was put on the pin: the digest of patches and overlays."""
        return self.state.identity or "pristine"

    def changes(self) -> tuple[str, ...]:
        """What differs from what forkctl laid out: files, untracked ones too, and own commits."""
        standing = standing_of(self._repository)
        own = () if standing.head == self.state.head else (f"HEAD at {(standing.head or '')[:12]}",)
        return (*standing.changed, *standing.untracked, *own)

    def difference(self) -> str:
        """The changes as a diff against what forkctl laid out; untracked files by name only."""
        diff = self._git("diff", "--binary", self.state.head)
        untracked = self._git("ls-files", "--others", "--exclude-standard").splitlines()
        return diff + "".join(f"# untracked: {name}\n" for name in untracked)

    def require_current(self) -> None:
        """Refuse a tree that is not what the workspace says it should be."""
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
            f"the fork {fork.name} is not here yet",
            where=str(workspace.tree(fork.name)),
            hint=f"forkctl sync {fork.name} && forkctl apply {fork.name}",
        )
    return ForkTree(fork, workspace.tree(fork.name), state, _behind(workspace, fork, state))


def _behind(workspace: Workspace, fork: Fork, state: TreeState) -> str | None:
    if not is_at_pin(state, fork):
        return "is at another pin than forks.toml says"
    if state.identity is None:
        return "is not applied"
    if identity_of(fork, inputs_of(workspace, fork, state.pin, state.without)) != state.identity:
        return "was applied before its patches or overlays changed"
    return None


def environment_spec(fork: Fork) -> EnvironmentSpec:
    if fork.env is None:
        raise ForkctlError(
            f"the fork {fork.name} has no environment",
            where="forks.toml",
            hint=f'add [fork.{fork.name}.env] with python = "3.10" and locks = "configs/envs/…"',
        )
    return fork.env


def entrypoint(fork: Fork) -> Entrypoint:
    if fork.entrypoint is None:
        raise ForkctlError(
            f"the fork {fork.name} has no entrypoint to run",
            where="forks.toml",
            hint=f"add [fork.{fork.name}.entrypoint] with file and kind",
        )
    return fork.entrypoint
