"""The one error hierarchy: what happened, where, and what to do next.

Every message that a user can meet has the same three parts, so that the command line can print all
of them in one form. Anything else that escapes is a bug of ours and exits with 3. This module runs
inside the forks' environments too: standard library only, Python 3.9.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    DONE = 0
    USER_MUST_ACT = 1
    USAGE = 2
    BUG = 3
    INTERRUPTED = 130


class ForkctlError(Exception):
    """Something a user can mend. `where` is a file, line, demo or fork; `hint` is the next step."""

    exit_code = ExitCode.USER_MUST_ACT

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        next_step = f"\nHint: {self.hint}" if self.hint else ""
        return f"{place}{self.message}{next_step}"

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a worker process, keyword arguments included."""
        return (_rebuild, (type(self), self.message, self.where, self.hint))


class UsageError(ForkctlError):
    """The words of the command, or a file a user writes for it, are not in the accepted form."""

    exit_code = ExitCode.USAGE


def _rebuild(
    kind: type[ForkctlError], message: str, where: str | None, hint: str | None
) -> ForkctlError:
    return kind(message, where=where, hint=hint)
