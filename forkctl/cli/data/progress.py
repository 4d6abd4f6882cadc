"""A progress bar for work that is done file by file; nothing where no one watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def steps(total: int, title: str) -> Iterator[Callable[[], None]]:
    """Gives a function to call after each step. The bar goes to stderr, and away when done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


def advance_over(items: Iterable[Item], total: int, title: str) -> Iterator[Item]:
    """Pass items on, one step of the bar each."""
    with steps(total, title) as advance:
        for item in items:
            advance()
            yield item
