"""Progress bars for fetches."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType


class Bars:
    """One bar per fork; rich and GitPython are imported for the first fetch."""

    def __init__(self) -> None:
        self._progress: object = None

    def __enter__(self) -> Callable[[str], Callable[[str], None] | None]:
        return self._for_fork

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from rich.progress import Progress

        if isinstance(self._progress, Progress):
            self._progress.stop()

    def _for_fork(self, name: str) -> Callable[[str], None]:
        from git import RemoteProgress
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[stage]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.start()
        assert isinstance(self._progress, Progress)
        bars: Progress = self._progress
        task = bars.add_task(name, total=None, stage="")

        class Forward(RemoteProgress):
            def update(
                self,
                op_code: int,
                cur_count: str | float,
                max_count: str | float | None = None,
                message: str = "",
            ) -> None:
                total = float(max_count) if max_count else None
                bars.update(task, completed=float(cur_count), total=total, stage=message)

            def line_dropped(self, line: str) -> None:
                bars.update(task, stage=line)  # no progress, but what is done or waited for

        handler: Callable[[str], None] = Forward().new_message_handler()
        return handler
