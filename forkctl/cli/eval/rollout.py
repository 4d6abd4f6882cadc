"""`forkctl eval rollout`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forkctl.cli.eval.policy_options import policy_options
from forkctl.cli.options import json_option, reflections_option, simulators_option, tasks_option
from forkctl.errors import UsageError


@click.command()
@policy_options
@click.option("--stats-key", help="Which of the checkpoint's statistics un-normalise actions.")
@click.option("--suite", help="libero_spatial, libero_object, ... Default with --data: its suite.")
@tasks_option
@click.option(
    "--trials", type=click.IntRange(min=1), help="Per task. Default: 50, or with --data all."
)
@click.option("--init-states", help="0:20, or 3,7,9. Default: all fifty.")
@click.option("--shard", default="1/1", show_default=True, help="1/4: the first of four parts.")
@click.option("--horizon", type=click.IntRange(min=1), help="Actions of a chunk to execute.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Default: the suite's cap.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Demonstrations for baseline:replay to replay."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of policy and simulator.")
@simulators_option
@click.option("--sim-env", metavar="PATH|current", help="A simulator's environment of your own.")
@click.option(
    "--world",
    metavar="tabletop|FILE",
    help="In place of LIBERO: the built-in tabletop, or a Python file with open_world().",
)
@click.option(
    "--settle",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Steps at rest before the policy acts.",
)
@click.option(
    "--image-size",
    type=click.IntRange(min=16),
    help="Pixels per side of a frame. Default: as the policy was trained on, or 128.",
)
@reflections_option
@click.option("--record-video", is_flag=True, help="Record a video of every episode.")
@click.option("--record-failures", is_flag=True, help="Record videos of failed episodes.")
@click.option(
    "--video-dir", type=click.Path(path_type=Path), help="Folder of videos. Default: OUT/videos."
)
@click.option("--retry-errors", is_flag=True, help="Play episodes again that ended in an error.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder. Default: runs/eval/NAME."
)
@click.option("--html", type=click.Path(path_type=Path), help="Report. Default: in OUT.")
@json_option
def rollout(
    world: str | None,
    sim_env: str | None,
    image_size: int | None,
    no_reflections: bool,
    settle: int,
    record_video: bool,
    record_failures: bool,
    out: Path | None,
    html: Path | None,
    as_json: bool,
    **words: Any,
) -> int:
    """Let a policy act in LIBERO's simulator, and count how often it succeeds.

    FORK is a fork of forks.toml, whose checkpoint --ckpt is loaded in the fork's own environment,
    or baseline:zero, baseline:random, baseline:expert, baseline:replay.

    Run the same command again to resume an evaluation that was stopped; more --trials or --tasks
    are added to it.
    """
    from forkctl.cli.eval.policy_options import choice_of, launch_policy
    from forkctl.cli.eval.rollout_view import print_rollout, watched
    from forkctl.environments.process_group import interrupted_by_signals
    from forkctl.environments.simulator import find_simulator
    from forkctl.evaluation.rollouts.remote_world import (
        WorldOptions,
        named_source,
        simulator_source,
    )
    from forkctl.evaluation.rollouts.request import EXPERT, RolloutRequest
    from forkctl.evaluation.rollouts.rollout import default_out, open_rollout, setup_of
    from forkctl.evaluation.rollouts.videos import ALL, FAILURES, NONE
    from forkctl.forks.workspace import find_workspace

    video = ALL if record_video else FAILURES if record_failures else NONE
    request = RolloutRequest(choice_of(words), video=video, **words)
    if world is not None and request.choice.baseline == EXPERT:
        raise UsageError("baseline:expert acts in LIBERO's simulator", hint="leave --world out")
    settings = request.settings()
    source = request.policy(settings.trials, launch_policy)
    options = WorldOptions(image_size, not no_reflections, settle)
    if world is not None:
        worlds = named_source(world, sim_env, options)
    else:
        worlds = simulator_source(find_simulator(find_workspace(), sim_env), options)
    setup = setup_of(settings, source, worlds)
    folder = out or default_out(settings, setup)
    with (
        interrupted_by_signals(),
        open_rollout(settings, setup, folder) as opened,
        watched(len(opened.left)) as on_episode,
    ):
        summary = opened.play(source, worlds, folder, on_episode)
    return print_rollout(summary, folder, settings.shard, html, as_json, settings.video_dir)
