"""Show rows as a table: a pleasant one in a terminal, plain aligned text elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import click

from forkctl.errors import ForkctlError

_COLOURS = {
    "up to date": "green",
    "applied": "green",
    "holds": "green",
    "ok": "green",
    "laid out": "green",
    "not checked": "yellow",
    "stale patches": "yellow",
    "not applied": "yellow",
    "not synced": "yellow",
    "pin moved": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "broken": "red",
    "not forkctl's": "red",
}


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The second column is the one that says how it went."""
    rows = [tuple(row) for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, rows)
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        click.echo("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            Text(row[0], style="bold"),
            Text(row[1], style=_COLOURS.get(row[1], "")),
            *(Text(cell) for cell in row[2:]),
        )
    Console().print(table)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


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
