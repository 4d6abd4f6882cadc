"""A progress bar for work that is done file by file; nothing where no one watches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def advance_over(items: Iterable[Item], total: int, title: str) -> Iterator[Item]:
    """Pass items on, one step of the bar each. The bar goes to stderr and away when done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(title, total=total)
        for item in items:
            progress.advance(task)
            yield item
