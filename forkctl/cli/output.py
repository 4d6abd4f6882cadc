"""Print findings and tables: with colour on a terminal, plain elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

from forkctl.training.findings import Finding, Verdict

_MARKS = {
    Verdict.OK: ("ok     ", "green"),
    Verdict.WARNING: ("warning", "yellow"),
    Verdict.FAILED: ("failed ", "red"),
}


def print_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        mark, colour = _MARKS[finding.verdict]
        click.echo(f"{click.style(mark, fg=colour)}  {finding.subject}: {finding.text}")
        if finding.hint:
            click.echo(f"         {click.style('hint:', fg='cyan')} {finding.hint}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*["" if cell is None else str(cell) for cell in row])
    if console.is_terminal:
        console.print(table)
        return
    console.width = 400  # a pipe has no width: nothing is cut
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


def findings_as_json(findings: Iterable[Finding]) -> list[dict[str, str | None]]:
    return [
        {
            "subject": finding.subject,
            "verdict": finding.verdict.value,
            "text": finding.text,
            "hint": finding.hint,
        }
        for finding in findings
    ]


def say(text: str) -> None:
    """What is going on, for a person; never part of a command's result."""
    click.echo(text, err=True)
