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
    from forkctl.evaluation.rollouts.crew import Progress
    from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome
    from forkctl.evaluation.rollouts.rates import Rate
    from forkctl.evaluation.rollouts.summary import RolloutSummary
    from forkctl.evaluation.rollouts.trials import Shard


@contextmanager
def watched(left: int) -> Iterator[Progress]:
    """A bar on stderr with the successes so far, and nothing where no one watches."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("episodes"),
        TimeRemainingColumn(),
    )
    outcomes: list[str] = []
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("loading", total=left)

        def show(result: EpisodeOutcome) -> None:
            outcomes.append(result.outcome)
            won = outcomes.count("success")
            bar.update(task, completed=len(outcomes), description=f"{won} succeeded")

        yield show


def print_rollout(
    evaluation: RolloutSummary, folder: Path, shard: Shard, html: Path | None, as_json: bool
) -> None:
    """Write the numbers and the report; print the rates, or the JSON."""
    from forkctl.atomic import write_atomically
    from forkctl.evaluation.report.rollout_page import render
    from forkctl.evaluation.rollouts.rollout import REPORT, write_numbers
    from forkctl.evaluation.rollouts.summary import to_json

    numbers = write_numbers(evaluation, folder, shard)
    page = html or (folder / REPORT if shard.count == 1 else numbers.with_suffix(".html"))
    write_atomically(page, render(evaluation))
    if as_json:
        click.echo(json.dumps(to_json(evaluation), indent=1))
        return
    rows = [_row(task.replace("_", " "), rate) for task, rate in evaluation.tasks.items()]
    rows.append(_row("all", evaluation.rate))
    print_table(("task", "success", "95 %", "episodes", "errors", "steps to success"), rows)
    for note in evaluation.notes:
        click.echo(f"{click.style('•', fg='yellow')} {note}")
    click.echo(f"\nreport   {page}\nnumbers  {numbers}\nrecord   {folder / shard.record}")


def _row(name: str, rate: Rate) -> tuple[object, ...]:
    from forkctl.evaluation.report.rollout_page import interval, percent

    steps = "" if rate.mean_steps is None else f"{rate.mean_steps:.0f}"
    return name, percent(rate), interval(rate), rate.trials, rate.errors or "", steps
