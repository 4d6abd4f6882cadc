"""What a terminal shows of an open-loop evaluation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.output import print_table

if TYPE_CHECKING:
    from forkctl.evaluation.openloop.metrics.table import Estimate
    from forkctl.evaluation.openloop.scoring import OpenLoopResult

_MARKS = {"fault": ("✗", "red"), "note": ("•", "yellow"), "good": ("✓", "green")}
_COLUMNS = (
    ("l1_norm", "motion", "L1"),
    ("skill_mean", "motion", "skill over mean"),
    ("skill_previous", "motion", "over last action"),
    ("dir_cond", "motion", "direction"),
    ("abstain", "motion", "abstains"),
    ("magnitude_ratio", "motion", "size"),
    ("gripper_balanced", "gripper", "gripper"),
)


def print_result(result: OpenLoopResult, folder: Path, html: Path | None, as_json: bool) -> None:
    """Write the report; print the verdicts and the most important numbers, or the JSON."""
    from forkctl.atomic import write_atomically
    from forkctl.evaluation.openloop.evaluate import RECORD, RESULTS
    from forkctl.evaluation.openloop.scoring import to_json
    from forkctl.evaluation.report.openloop_page import render

    page = html or folder / "report.html"
    write_atomically(page, render(result))
    if as_json:
        click.echo(json.dumps(to_json(result), indent=1))
        return
    _print_table(result)
    _print_verdicts(result)
    click.echo(f"\nreport   {page}\nnumbers  {folder / RESULTS}\nrecord   {folder / RECORD}")


def _print_table(result: OpenLoopResult) -> None:
    first = result.main.table
    place = f", on {', '.join(result.devices)}" if result.devices else ""
    click.echo(f"{first.episodes} demos, {first.steps} steps{place}")
    tables = {arm.name: arm.table for arm in result.arms} | dict(result.trivial)
    print_table(
        ("policy", *(title for *_, title in _COLUMNS)),
        [
            (name, *(_shown(table[metric, column]) for metric, column, _ in _COLUMNS))
            for name, table in tables.items()
        ],
    )


def _shown(cell: Estimate) -> str:
    return f"{cell.value:.2f}" if math.isfinite(cell.value) else "-"


def _print_verdicts(result: OpenLoopResult) -> None:
    for arm in result.arms:
        if len(result.arms) > 1:
            click.echo(f"\n{arm.name}")
        for verdict in arm.verdicts:
            mark, colour = _MARKS[verdict.kind.value]
            name = click.style(verdict.name, dim=True)
            click.echo(f"{click.style(mark, fg=colour)} {verdict.title}  {name}")
            for fact in verdict.evidence:
                click.echo(f"    {fact}")
            if verdict.cause:
                click.echo(f"  cause: {verdict.cause}")
            click.echo(f"  next:  {verdict.mend}")
