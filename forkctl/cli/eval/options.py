"""What both evaluations are told of the policy, and how its process is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.completing import fork_names

if TYPE_CHECKING:
    from forkctl.evaluation.policies.choosing import PolicyChoice
    from forkctl.evaluation.policies.launching import PolicyProcess

fork_argument = click.argument("fork", required=False, shell_complete=fork_names)
ckpt_option = click.option(
    "--ckpt", type=click.Path(path_type=Path), help="Checkpoint to evaluate."
)
policy_option = click.option(
    "--policy", type=click.Path(path_type=Path), help="Python file with load(); no FORK then."
)


def _pairs(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise click.BadParameter(f"{word!r} is not NAME=VALUE")
    return dict(word.split("=", 1) for word in words)


option_option = click.option(
    "--policy-option",
    "policy_options",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="Told to what loads the policy; repeatable.",
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="As torch names it: cuda:0."
)


def launch_policy(choice: PolicyChoice) -> PolicyProcess:
    from forkctl.evaluation.policies.launching import file_policy, fork_policy
    from forkctl.families import registry
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace

    if choice.policy is not None:
        return file_policy(choice.policy.absolute(), choice.own, registry.conventions())
    assert choice.fork is not None
    workspace = find_workspace()
    fork = load(workspace.manifest).fork(choice.fork)
    family = registry.family_of(workspace, fork)
    return fork_policy(workspace, fork, family, choice.own, choice.profile)
