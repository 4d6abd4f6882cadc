"""Where a policy runs: which Python, which tree, and which worker loads it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forkctl.environments.binding import bind, process_variables
from forkctl.environments.environment import own_environment
from forkctl.environments.selecting import select
from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.policies.connection import Launch
from forkctl.family import Family
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.libero.units.conventions import LIBERO, Convention
from forkctl.patching.series.fork_tree import open_fork_tree


@dataclass(frozen=True)
class PolicyProcess:
    """`bound` is what a record depends on besides the checkpoint."""

    launch: Launch
    worker: str  # a module, or a file's path
    conventions: Mapping[str, Convention]  # that its actions may be in
    bound: Mapping[str, object] = field(default_factory=dict)


def fork_policy(
    workspace: Workspace, fork: Fork, family: Family, own: str | None, profile: str | None
) -> PolicyProcess:
    tree = open_fork_tree(workspace, fork)
    if family.worker is None:
        raise ForkctlError(
            f"the family {family.name} cannot load policies",
            where=fork.name,
            hint="load it in a file of your own: --policy FILE",
        )
    tree.require_current()
    environment = select(workspace, fork, profile, own).environment
    if environment is None:
        raise ForkctlError(
            "the environment is not made yet",
            where=fork.name,
            hint=f"forkctl env create {fork.name}",
        )
    place = bind(tree, environment)
    return PolicyProcess(
        Launch(str(environment.python), place.variables, tree.path),
        family.worker,
        {each.name: each for each in (LIBERO, *family.conventions())},
        {"fork": fork.name, "tree": tree.state.tree},
    )


def file_policy(
    policy: Path, own: str | None, conventions: Mapping[str, Convention]
) -> PolicyProcess:
    """A policy file of the user's, in an environment of the user's."""
    return PolicyProcess(file_launch(policy, own), str(policy), conventions)


def file_launch(file: Path, own: str | None) -> Launch:
    if not file.is_file():
        raise UsageError("no such file", where=str(file))
    environment = own_environment(own or "current")
    variables = process_variables(environment, [file.resolve().parent])
    return Launch(str(environment.python), variables, None)
