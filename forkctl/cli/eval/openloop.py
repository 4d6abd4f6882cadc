"""`forkctl eval openloop`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forkctl.cli.eval.policy_options import policy_options
from forkctl.cli.options import alignment_option, json_option


@click.command()
@policy_options
@click.option(
    "--base",
    is_flag=False,
    flag_value="",
    metavar="[CKPT]",
    help="Checkpoint to compare with. Alone: the one that CKPT was fine-tuned from.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="LIBERO file or folder."
)
@click.option(
    "--episodes",
    default="last:5",
    show_default=True,
    help="Demos of each task: last:N, first:N, every:N or all.",
)
@click.option("--max-steps", type=click.IntRange(min=2), help="Only the first steps of each demo.")
@alignment_option
@click.option(
    "--stats", type=click.Path(path_type=Path), help="The dataset_statistics.json of training."
)
@click.option("--stats-key", help="The data set in --stats, or in the checkpoint.")
@click.option(
    "--dead-zone",
    type=float,
    default=0.025,
    show_default=True,
    help="Share of q99 - q01 that counts as standing still.",
)
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
@click.option("--seed", type=int, default=0, show_default=True, help="For policies that sample.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder. Default: runs/eval/NAME."
)
@click.option("--html", type=click.Path(path_type=Path), help="Report. Default: OUT/report.html.")
@json_option
def openloop(out: Path | None, html: Path | None, as_json: bool, **words: Any) -> None:
    """Ask a policy for its action at every step of held-out demos.

    FORK is a fork of forks.toml, whose checkpoint --ckpt is loaded in the fork's own environment,
    or baseline:zero, baseline:mean, baseline:random, baseline:previous, baseline:replay.

    Run the same command again to resume an evaluation that was stopped.
    """
    from forkctl.cli.eval.openloop_view import print_result
    from forkctl.cli.eval.policy_options import background_of, choice_of, launch_policy
    from forkctl.cli.progress_bar import progress_bar
    from forkctl.environments.process_group import interrupted_by_signals
    from forkctl.evaluation.openloop.evaluate import OpenLoop
    from forkctl.evaluation.openloop.request import OpenLoopRequest

    request = OpenLoopRequest(choice_of(words), **words)
    evaluation = OpenLoop(request, launch_policy)
    background = background_of(request)
    folder = out or evaluation.default_folder
    with interrupted_by_signals(), progress_bar("loading", unit="steps") as update:
        result = evaluation.run(
            folder,
            lambda done, total, what: update(completed=done, total=total, description=what),
            background,
        )
    print_result(result, folder, html, as_json)
