"""Which Python, tree and worker serve a fork's policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forkctl.environments.environment import own_environment
from forkctl.environments.proving import process_environment
from forkctl.environments.selecting import select
from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.policies.connection import Launch
from forkctl.forks.manifest import load
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import ForkTree, open_fork_tree

# the fork's kind of entrypoint -> the worker module that loads its checkpoints
WORKERS: Mapping[str, str] = {
    "robomimic": "robomimic",
    "droid": "robomimic",
    "robomimic-release": "robomimic",
    "openvla": "openvla",
    "rdt": "rdt",
}


def fork_launch(
    workspace: Workspace, name: str, own: str | None, profile: str | None
) -> tuple[Launch, str, ForkTree]:
    """How to start the fork's Python, which worker speaks for it, and the tree that it runs."""
    fork = load(workspace.manifest).fork(name)
    tree = open_fork_tree(workspace, fork)
    kind = fork.entrypoint.kind if fork.entrypoint else ""
    if kind not in WORKERS:
        raise ForkctlError(
            f"no policy of the kind {kind!r} can be loaded",
            where=name,
            hint=f"Kinds: {', '.join(WORKERS)}. Any other policy: --policy FILE.",
        )
    tree.require_current()
    environment = select(workspace, fork, profile, own).environment
    if environment is None:
        raise ForkctlError(
            "the environment is not made yet", where=name, hint=f"forkctl env create {name}"
        )
    launch = Launch(str(environment.python), process_environment(environment, tree.path), tree.path)
    return launch, WORKERS[kind], tree


def file_launch(policy: Path, own: str | None) -> Launch:
    """A policy file of a person's own, in an environment of their own."""
    if not policy.is_file():
        raise UsageError("no policy file here", where=str(policy))
    environment = own_environment(own or "current")
    variables = process_environment(environment, policy.resolve().parent)
    return Launch(str(environment.python), variables, None)
