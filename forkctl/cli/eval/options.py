"""What both evaluations are told of the policy, and how its process is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.completing import fork_names

if TYPE_CHECKING:
    from forkctl.evaluation.openloop.background import Background
    from forkctl.evaluation.policies.choosing import PolicyChoice
    from forkctl.evaluation.policies.launching import PolicyProcess
    from forkctl.family import Family
    from forkctl.forks.manifest import Fork
    from forkctl.forks.workspace import Workspace

fork_argument = click.argument("fork", required=False, shell_complete=fork_names)
ckpt_option = click.option(
    "--ckpt", type=click.Path(path_type=Path), help="Checkpoint to evaluate."
)
policy_option = click.option(
    "--policy", type=click.Path(path_type=Path), help="Python file with load(); no FORK then."
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="As torch names it: cuda:0."
)


def launch_policy(choice: PolicyChoice) -> PolicyProcess:
    from forkctl.evaluation.policies.launching import file_policy, fork_policy
    from forkctl.families import registry

    if choice.policy is not None:
        return file_policy(choice.policy.absolute(), choice.own, registry.conventions())
    workspace, fork, family = _fork_of(choice)
    return fork_policy(workspace, fork, family, choice.own, choice.profile)


def background_of(choice: PolicyChoice) -> Background:
    """What the policies' family and their runs say."""
    from forkctl.evaluation.diagnosis.learning import Learning
    from forkctl.evaluation.openloop.background import Background
    from forkctl.training.course import course_of

    courses = {name: course_of(path) for name, path in choice.checkpoints.items()}
    learning = {
        name: found
        for name, course in courses.items()
        if course is not None and (found := Learning.of(course.run, course.losses))
    }
    if choice.policy is not None or choice.baseline is not None:
        return Background({}, learning)
    *_, family = _fork_of(choice)
    return Background(family.advice, learning)


def _fork_of(choice: PolicyChoice) -> tuple[Workspace, Fork, Family]:
    from forkctl.families import registry
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace

    assert choice.fork is not None
    workspace = find_workspace()
    fork = load(workspace.manifest).fork(choice.fork)
    return workspace, fork, registry.family_of(workspace, fork)
