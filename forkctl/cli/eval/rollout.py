"""`forkctl eval rollout`."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.env import json_option, own_option, profile_option
from forkctl.cli.eval.options import ckpt_option, device_option, fork_argument, policy_option


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
@click.option("--through", help="A fork's way with actions that baseline:replay takes.")
@click.option("--fault", help="One mistake on that way.")
@policy_option
@click.option(
    "--world", type=click.Path(path_type=Path), help="Python file with open_world(), not LIBERO."
)
@click.option("--sim-env", metavar="PATH|current", help="A simulator's environment of your own.")
@click.option("--stats-key", help="Which of the checkpoint's statistics un-normalise actions.")
@device_option
@profile_option
@own_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of policy and simulator.")
@json_option
def rollout(
    fork: str | None,
    ckpt: Path | None,
    suite: str | None,
    tasks: tuple[str, ...],
    trials: int | None,
    init_states: str | None,
    shard: str,
    workers: int,
    horizon: int | None,
    max_steps: int | None,
    settle: int,
    image_size: int,
    reflection: bool,
    record_video: bool,
    record_failures: bool,
    retry_errors: bool,
    out: Path | None,
    html: Path | None,
    data: Path | None,
    through: str | None,
    fault: str | None,
    policy: Path | None,
    world: Path | None,
    sim_env: str | None,
    stats_key: str | None,
    device: str,
    profile: str | None,
    own: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Let a policy act in LIBERO's simulator, and count how often it succeeds.

    FORK is a fork of forks.toml, whose checkpoint --ckpt is loaded in the fork's own environment,
    or baseline:zero, baseline:random, baseline:replay.

    A stopped evaluation goes on where it was when the same words are typed again; more --trials or
    --tasks are added to it.
    """
    from forkctl.cli.eval.rollout_view import print_rollout, watched
    from forkctl.evaluation.policies.choosing import Choice
    from forkctl.evaluation.rollouts import rollout as session
    from forkctl.evaluation.rollouts import sources as choosing
    from forkctl.evaluation.rollouts import videos
    from forkctl.evaluation.rollouts.planning import Asked, make_plan
    from forkctl.evaluation.rollouts.trials import Shard
    from forkctl.evaluation.rollouts.world import WorldOptions

    choice = Choice(
        fork, policy, ckpt, None, stats_key=stats_key, device=device, own=own, profile=profile
    )
    way = choosing.Way(through, fault)
    choosing.check_words(choice, way, data)
    plan = make_plan(
        Asked(
            choice.label,
            suite,
            ",".join(tasks) or None,
            trials,
            init_states,
            data,
            max_steps,
            horizon,
            seed,
        ),
        shard=Shard.parse(shard),
        workers=workers,
        video=videos.ALL if record_video else videos.FAILURES if record_failures else videos.NONE,
        retry_errors=retry_errors,
    )
    source = choosing.choose_policy(choice, way, plan.trials)
    worlds = choosing.choose_world(sim_env, world, WorldOptions(image_size, reflection, settle))
    setup = session.setup_of(plan, source, worlds)
    folder = out or session.default_out(plan, setup)
    with watched(session.left_to_play(plan, folder, setup)) as progress:
        evaluation = session.run(plan, source, worlds, setup, folder, progress)
    print_rollout(evaluation, folder, plan.shard, html, as_json)
