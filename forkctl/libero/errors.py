"""What can be wrong with LIBERO data, in words that a person can act on.

Not `forkctl.errors`: this package is imported inside each fork's environment and stands alone. The
command line turns these into its own errors.
"""

from __future__ import annotations

from typing import Optional


class LiberoError(Exception):
    """`where` is a file, demo or dataset; `hint` is the next step."""

    def __init__(
        self, message: str, *, where: Optional[str] = None, hint: Optional[str] = None
    ) -> None:
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


class DataFileError(LiberoError):
    """A file cannot be opened, or lacks what every LIBERO file has."""


class AlignmentError(LiberoError):
    """Which observation belongs to which action cannot be told from the file."""


class UnknownTaskError(LiberoError):
    """A name is neither a suite nor a task of LIBERO."""


def _rebuild(
    kind: type[LiberoError], message: str, where: Optional[str], hint: Optional[str]
) -> LiberoError:
    return kind(message, where=where, hint=hint)
