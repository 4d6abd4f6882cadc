"""The outcome of indexing as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from forkctl.libero.files.indexing import Indexed

# Where no terminal sets the width, as in a file or a pipe.
_PLAIN_WIDTH = 140


def print_indexed(indexed: Sequence[Indexed]) -> None:
    console = Console(width=None if Console().is_terminal else _PLAIN_WIDTH, highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    for title in ("demos", "steps"):
        table.add_column(title, justify="right")
    table.add_column("alignment")
    table.add_column("index")
    for item in indexed:
        if item.index is not None:
            state = "fresh" if item.fresh else "[green]made[/]"
            alignment = item.index.alignment or "[yellow]unclear[/]"
            demos, steps = f"{len(item.index.demos):,}", f"{item.index.steps:,}"
            table.add_row(item.path.name, demos, steps, alignment, state)
    console.print(table)
    made = sum(item.index is not None and not item.fresh for item in indexed)
    fresh = sum(item.fresh for item in indexed)
    failed = [item.error for item in indexed if item.error is not None]
    console.print(f"{made} made, {fresh} fresh, {len(failed)} failed")
    for error in failed:
        click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True)


def to_json(item: Indexed) -> dict[str, Any]:
    if item.index is None:
        return {"path": str(item.path), "error": str(item.error)}
    return {
        "path": str(item.path),
        "demos": len(item.index.demos),
        "steps": item.index.steps,
        "alignment": item.index.alignment,
        "fresh": item.fresh,
    }
