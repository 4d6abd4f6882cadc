"""`forkctl eval rollout`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forkctl.cli.env import json_option, own_option, profile_option
from forkctl.cli.eval.options import ckpt_option, device_option, fork_argument, policy_option

if TYPE_CHECKING:
    from forkctl.evaluation.rollouts.request import RolloutRequest


@click.command()
@fork_argument
@ckpt_option
@click.option("--suite", help="libero_spatial, libero_object, ... Default with --data: theirs.")
@click.option(
    "--tasks",
    multiple=True,
    metavar="TASK",
    help="Number from 0, or part of a name; repeatable, or 0,3. Default: all of the suite.",
)
@click.option(
    "--trials", type=click.IntRange(min=1), help="Of each task. Default: 50; with --data: all."
)
@click.option("--init-states", help="0:20, or 3,7,9. Default: all fifty.")
@click.option("--shard", default="1/1", show_default=True, help="1/4: the first of four parts.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Simulators."
)
@click.option("--horizon", type=click.IntRange(min=1), help="Actions of a plan to execute.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Default: the suite's cap.")
@click.option(
    "--settle",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Steps of rest at the start.",
)
@click.option(
    "--image-size",
    type=click.IntRange(min=16),
    default=128,
    show_default=True,
    help="Pixels a side.",
)
@click.option(
    "--reflection/--no-reflection",
    default=True,
    show_default=True,
    help="Without: frames in half the time, for policies that were trained like that.",
)
@click.option("--record-video", is_flag=True, help="Of every episode.")
@click.option("--record-failures", is_flag=True, help="Videos of episodes that failed.")
@click.option("--retry-errors", is_flag=True, help="Play episodes again that ended in an error.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Default: runs/eval/<name>.")
@click.option("--html", type=click.Path(path_type=Path), help="Report. Default: in OUT.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Demonstrations that baseline:replay replays."
)
@policy_option
@click.option(
    "--world",
    metavar="tabletop|FILE",
    help="Not LIBERO: the built-in tabletop, or a Python file with open_world().",
)
@click.option("--sim-env", metavar="PATH|current", help="A simulator's environment of your own.")
@click.option("--stats-key", help="Which of the checkpoint's statistics un-normalise actions.")
@device_option
@profile_option
@own_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of policy and simulator.")
@json_option
def rollout(
    world: str | None,
    sim_env: str | None,
    image_size: int,
    reflection: bool,
    settle: int,
    out: Path | None,
    html: Path | None,
    as_json: bool,
    **words: Any,
) -> None:
    """Let a policy act in LIBERO's simulator, and count how often it succeeds.

    FORK is a fork of forks.toml, whose checkpoint --ckpt is loaded in the fork's own environment,
    or baseline:zero, baseline:random, baseline:replay.

    A stopped evaluation goes on where it was when the same words are typed again; more --trials or
    --tasks are added to it.
    """
    from forkctl.cli.eval.options import launch_policy
    from forkctl.cli.eval.rollout_view import print_rollout, watched
    from forkctl.environments.simulator import find_simulator
    from forkctl.evaluation.rollouts.rollout import default_out, open_rollout, setup_of
    from forkctl.evaluation.rollouts.world import WorldOptions, named_source, simulator_source
    from forkctl.forks.workspace import find_workspace

    request = _request(words)
    settings = request.settings()
    source = request.policy(settings.trials, launch_policy)
    options = WorldOptions(image_size, reflection, settle)
    if world is not None:
        worlds = named_source(world, sim_env, options)
    else:
        worlds = simulator_source(find_simulator(find_workspace(), sim_env), options)
    setup = setup_of(settings, source, worlds)
    folder = out or default_out(settings, setup)
    with open_rollout(settings, setup, folder) as opened, watched(len(opened.left)) as progress:
        summary = opened.play(source, worlds, folder, progress)
    print_rollout(summary, folder, settings.shard, html, as_json)


def _request(words: dict[str, Any]) -> RolloutRequest:
    """The options' values, as click names them."""
    from forkctl.evaluation.policies.choosing import PolicyChoice
    from forkctl.evaluation.rollouts import videos
    from forkctl.evaluation.rollouts.request import RolloutRequest

    every, failures = words.pop("record_video"), words.pop("record_failures")
    choice = PolicyChoice(
        words.pop("fork"),
        words.pop("policy"),
        words.pop("ckpt"),
        device=words.pop("device"),
        own=words.pop("own"),
        profile=words.pop("profile"),
        stats_key=words.pop("stats_key"),
    )
    return RolloutRequest(
        choice,
        tasks=",".join(words.pop("tasks")) or None,
        video=videos.ALL if every else videos.FAILURES if failures else videos.NONE,
        **words,
    )
