"""`forkctl eval openloop`."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.env import json_option, own_option, profile_option
from forkctl.cli.eval.options import ckpt_option, device_option, fork_argument, policy_option


@click.command()
@fork_argument
@ckpt_option
@click.option(
    "--base",
    is_flag=False,
    flag_value="",
    metavar="[CKPT]",
    help="Checkpoint to compare it with. Alone: the one that it was fine-tuned from.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="LIBERO file or folder."
)
@click.option(
    "--episodes",
    default="last:5",
    show_default=True,
    help="Of each task: last:N first:N every:N all.",
)
@click.option("--max-steps", type=click.IntRange(min=2), help="Only the first steps of each demo.")
@click.option(
    "--alignment",
    type=click.Choice(["auto", "raw", "aligned"]),
    default="auto",
    show_default=True,
    help="raw: obs[t] goes with actions[t+1].",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder. Default: runs/eval/<name>."
)
@click.option("--html", type=click.Path(path_type=Path), help="Report. Default: OUT/report.html.")
@click.option(
    "--stats", type=click.Path(path_type=Path), help="dataset_statistics.json of training."
)
@click.option("--stats-key", help="Which data set in --stats, or in the checkpoint.")
@click.option("--dead-zone", type=float, default=0.025, show_default=True, help="Of q99 - q01.")
@click.option(
    "--probes",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    help="Demos to show upside down and one step off as well.",
)
@click.option(
    "--horizon",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Actions of a chunk to keep.",
)
@policy_option
@device_option
@profile_option
@own_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of sampling policies.")
@json_option
def openloop(
    fork: str | None,
    ckpt: Path | None,
    base: str | None,
    data: Path,
    episodes: str,
    max_steps: int | None,
    alignment: str,
    out: Path | None,
    html: Path | None,
    stats: Path | None,
    stats_key: str | None,
    dead_zone: float,
    probes: int,
    horizon: int,
    policy: Path | None,
    device: str,
    profile: str | None,
    own: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Ask a policy for its action at every step of held-out demos.

    FORK is a fork of forks.toml, whose checkpoint --ckpt is loaded in the fork's own environment,
    or baseline:zero, baseline:mean, baseline:random, baseline:previous, baseline:replay.

    A stopped evaluation goes on where it was when the same words are typed again.
    """
    from forkctl.cli.eval.options import background_of, launch_policy
    from forkctl.cli.eval.view import print_evaluation, watched
    from forkctl.evaluation.openloop.episodes import Selection, load_episodes
    from forkctl.evaluation.openloop.evaluate import (
        OpenLoopSettings,
        default_out,
        measured_scale,
        run,
    )
    from forkctl.evaluation.openloop.scale import scale_from_file
    from forkctl.evaluation.policies.choosing import PolicyChoice, choose_policies

    choice = PolicyChoice(
        fork,
        policy,
        ckpt,
        base=Path(base) if base else None,
        own_base=base == "",
        stats_key=stats_key,
        device=device,
        own=own,
        profile=profile,
    )
    selection = Selection.parse(episodes)
    settings = OpenLoopSettings(
        choice.label, data, selection, max_steps, alignment, horizon, seed, probes
    )
    held_out = load_episodes(data, selection, max_steps=max_steps, alignment=alignment)
    scale = (
        scale_from_file(stats, stats_key, dead_zone) if stats else measured_scale(data, dead_zone)
    )
    policies = choose_policies(choice, launch_policy, held_out, scale)
    background = background_of(choice)
    folder = out or default_out(settings, held_out, policies)
    with watched() as progress:
        evaluation = run(settings, held_out, policies, scale, folder, progress, background)
    print_evaluation(evaluation, folder, html, as_json)
