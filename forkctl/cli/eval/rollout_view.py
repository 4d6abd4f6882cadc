"""What a terminal shows of a closed-loop evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.output import print_table

if TYPE_CHECKING:
    from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome
    from forkctl.evaluation.rollouts.pool import OnEpisode
    from forkctl.evaluation.rollouts.rates import Rate
    from forkctl.evaluation.rollouts.summary import RolloutSummary
    from forkctl.evaluation.rollouts.trials import Shard


@contextmanager
def watched(left: int) -> Iterator[OnEpisode]:
    """A bar with the successes so far."""
    from forkctl.cli.progress_bar import progress_bar

    outcomes: list[str] = []
    with progress_bar("loading", left, "episodes") as update:

        def show(result: EpisodeOutcome) -> None:
            outcomes.append(result.outcome)
            update(advance=1, description=f"{outcomes.count('success')} succeeded")

        yield show


def print_rollout(
    summary: RolloutSummary,
    folder: Path,
    shard: Shard,
    html: Path | None,
    as_json: bool,
    videos: Path | None = None,
) -> int:
    """Write the numbers and the report; print the rates, or the JSON. The exit code: 1 where there
    are only errors, and so no rate."""
    from forkctl.atomic import write_atomically
    from forkctl.evaluation.report.rollout_page import render
    from forkctl.evaluation.rollouts.rollout import REPORT, VIDEOS, write_numbers
    from forkctl.evaluation.rollouts.summary import to_json
    from forkctl.evaluation.rollouts.videos import find_videos

    code = 1 if summary.results and not summary.rate.trials else 0
    numbers = write_numbers(summary, folder, shard)
    page = html or (folder / REPORT if shard.count == 1 else numbers.with_suffix(".html"))
    found = find_videos(videos or folder / VIDEOS)
    write_atomically(page, render(summary, found, page.parent))
    if as_json:
        click.echo(json.dumps(to_json(summary), indent=1))
        return code
    if summary.departures:
        banner = "NOT THE BENCHMARK'S PROTOCOL: " + "; ".join(summary.departures)
        click.echo(click.style(banner, fg="yellow", bold=True))
    rows = [_row(task.replace("_", " "), rate) for task, rate in summary.tasks.items()]
    rows.append(_row("all", summary.rate))
    print_table(("task", "success", "95 %", "episodes", "errors", "steps to success"), rows)
    for note in summary.notes:
        click.echo(f"{click.style('•', fg='yellow')} {note}")
    if summary.devices:
        click.echo(f"\ndevice   {', '.join(summary.devices)}", nl=False)
    click.echo(f"\nreport   {page}\nnumbers  {numbers}\nrecord   {folder / shard.record}")
    return code


def _row(name: str, rate: Rate) -> tuple[object, ...]:
    from forkctl.evaluation.report.rollout_page import interval, percent

    steps = "" if rate.mean_steps is None else f"{rate.mean_steps:.0f}"
    return name, percent(rate), interval(rate), rate.trials, rate.errors or "", steps
