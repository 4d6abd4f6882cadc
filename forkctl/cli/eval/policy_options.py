"""The options by which both evaluations know the policy, and how its process is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forkctl.cli.completing import fork_names
from forkctl.cli.options import own_option, profile_option
from forkctl.errors import UsageError

if TYPE_CHECKING:
    from forkctl.evaluation.openloop.background import Background
    from forkctl.evaluation.openloop.request import OpenLoopRequest
    from forkctl.evaluation.policies.choice import PolicyChoice
    from forkctl.evaluation.policies.launching import PolicyProcess
    from forkctl.family import Family
    from forkctl.forks.manifest import Fork
    from forkctl.forks.workspace import Workspace


def _pairs(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise click.BadParameter(f"invalid value {word!r}; expected NAME=VALUE")
    return dict(word.split("=", 1) for word in words)


_OPTIONS = (
    click.argument("fork", required=False, shell_complete=fork_names),
    click.option("--ckpt", type=click.Path(path_type=Path), help="Checkpoint to evaluate."),
    click.option(
        "--policy",
        type=click.Path(path_type=Path),
        help="Python file with load(), in place of FORK.",
    ),
    click.option(
        "--policy-option",
        "policy_options",
        multiple=True,
        callback=_pairs,
        metavar="NAME=VALUE",
        help="Passed to what loads the policy; repeatable.",
    ),
    click.option(
        "--goal",
        metavar="FILE[:DEMO]",
        help="Goal image: the demo's last frame. A folder: each task's own file.",
    ),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        help="As torch calls it (cuda:0), or auto: a GPU where torch sees one.",
    ),
    profile_option,
    own_option,
)


def policy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def choice_of(words: dict[str, Any]) -> PolicyChoice:
    """Takes the policy's options out of a command's; --stats-key belongs to both."""
    from forkctl.evaluation.policies.choice import PolicyChoice

    options, goal = words.pop("policy_options"), words.pop("goal")
    if goal is not None and str(words["fork"]).startswith("baseline:"):
        raise UsageError(f"{words['fork']} takes no goal image", hint="leave --goal out")
    if goal is not None:  # the policy's process is in another folder
        options = {**options, "goal": str(Path(goal).expanduser().absolute())}
    return PolicyChoice(
        words.pop("fork"),
        words.pop("policy"),
        words.pop("ckpt"),
        device=words.pop("device"),
        own=words.pop("own"),
        profile=words.pop("profile"),
        stats_key=words.pop("stats_key"),
        options=options,
    )


def launch_policy(choice: PolicyChoice) -> PolicyProcess:
    from forkctl.evaluation.policies.launching import file_policy, fork_policy
    from forkctl.families import registry

    if choice.policy is not None:
        return file_policy(choice.policy.absolute(), choice.own, registry.conventions())
    workspace, fork, family = _fork_of(choice)
    if "goal" in choice.options and not family.takes_goals:
        raise UsageError(f"no policy of {fork.name} takes a goal image", hint="leave --goal out")
    return fork_policy(workspace, fork, family, choice.own, choice.profile)


def background_of(request: OpenLoopRequest) -> Background:
    """What the policies' family and their runs say."""
    from forkctl.evaluation.diagnosis.learning import Learning
    from forkctl.evaluation.openloop.background import Background
    from forkctl.training.course import course_of

    choice = request.choice
    courses = {name: course_of(path) for name, path in request.checkpoints.items()}
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
