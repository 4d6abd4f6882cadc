"""Which Python, tree and worker serve a fork's policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.remote import Launch
from forkctl.forks.manifest import load
from forkctl.forks.workspace import Workspace
from forkctl.training.checking import process_environment
from forkctl.training.environments import Environment, find_environment, own_environment
from forkctl.training.fork_tree import ForkTree, environment_spec, open_fork_tree
from forkctl.training.locks import read_lock

# the fork's kind of entrypoint -> the worker module that loads its checkpoints
WORKERS: Mapping[str, str] = {
    "robomimic": "robomimic",
    "droid": "robomimic",
    "robomimic-release": "robomimic",
}


def fork_launch(
    workspace: Workspace, name: str, env: str | None, profile: str
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
    if not tree.applied:
        raise ForkctlError("the fork is not applied", where=name, hint=f"forkctl apply {name}")
    environment = _environment(workspace, tree, env, profile)
    launch = Launch(str(environment.python), process_environment(environment, tree.path), tree.path)
    return launch, WORKERS[kind], tree


def _environment(
    workspace: Workspace, tree: ForkTree, env: str | None, profile: str
) -> Environment:
    if env is not None:
        return own_environment(env)
    spec = environment_spec(tree.fork)
    found = find_environment(read_lock(workspace.root / spec.locks, profile, spec.python))
    if found is None:
        name = tree.fork.name
        raise ForkctlError(
            f"the environment of {name} is not made yet",
            where=f"profile {profile}",
            hint=f"forkctl env create {name} --profile {profile}, or --env PATH",
        )
    return found


def file_launch(policy: Path, env: str | None) -> Launch:
    """A policy file of a person's own, in an environment of their own."""
    if not policy.is_file():
        raise UsageError("no policy file here", where=str(policy))
    environment = own_environment(env or "current")
    variables = process_environment(environment, policy.resolve().parent)
    return Launch(str(environment.python), variables, None)
