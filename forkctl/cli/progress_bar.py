"""A bar on stderr for work that takes a while; silent outside a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def progress_bar(
    title: str, total: int | None = None, unit: str = "files"
) -> Iterator[Callable[..., None]]:
    """Yields rich's `update(advance=, completed=, total=, description=)`."""
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
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as bar:
        yield partial(bar.update, bar.add_task(title, total=total))


def advance_over(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """Pass items on, one step of the bar each."""
    with progress_bar(title, total) as update:
        for item in items:
            update(advance=1)
            yield item
