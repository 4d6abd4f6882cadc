"""Print results: pleasant in a terminal, plain aligned text elsewhere, JSON for programs.

Nothing heavy is imported here, because a no-op `forkctl sync` prints too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from forkctl.errors import ForkctlError

if TYPE_CHECKING:
    from forkctl.checks import Check

_COLOURS = {
    "green": ("up to date", "applied", "holds", "ok", "laid out", "finished"),
    "yellow": (
        *("not checked", "stale patches", "not applied", "not synced", "pin moved"),
        *("interrupted", "warning", "running"),
    ),
    "red": ("failed", "diverged", "broken", "not forkctl's", "lost"),
}
_COLOUR_OF = {word: colour for colour, words in _COLOURS.items() for word in words}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Cells that say how something went have a colour in a terminal."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in (columns, *cells):
        click.echo("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for first, *rest in rows:
        coloured = (Text(cell, style=_COLOUR_OF.get(cell, "")) for cell in rest)
        table.add_row(Text(first, style="bold"), *coloured)
    Console().print(table)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_checks(checks: Iterable[Check]) -> None:
    for check in checks:
        verdict = check.status.value
        mark = click.style(f"{verdict:<7}", fg=_COLOUR_OF[verdict])
        click.echo(f"{mark}  {check.subject}: {check.text}")
        if check.hint:
            click.echo(f"         {click.style('hint:', fg='cyan')} {check.hint}")


def checks_as_json(checks: Iterable[Check]) -> list[dict[str, str | None]]:
    return [
        {
            "subject": check.subject,
            "verdict": check.status.value,
            "text": check.text,
            "hint": check.hint,
        }
        for check in checks
    ]


def print_failures(failures: Iterable[tuple[str, ForkctlError]]) -> None:
    """Every failure with its reason and the next step, after the table."""
    for name, error in failures:
        place = f"{error.where}: " if error.where and error.where != name else ""
        click.echo(
            click.style("error: ", fg="red", bold=True) + f"{name}: {place}{error.message}",
            err=True,
        )
        if error.hint:
            click.echo(click.style("hint:  ", fg="cyan") + error.hint, err=True)


def error_json(error: ForkctlError | None) -> dict[str, str | None] | None:
    if error is None:
        return None
    return {"message": error.message, "where": error.where, "hint": error.hint}


def say(text: str) -> None:
    """Progress, for people; never part of a command's result."""
    click.echo(text, err=True)
