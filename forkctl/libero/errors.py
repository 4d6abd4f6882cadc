"""What can be wrong with LIBERO data."""

from __future__ import annotations

from forkctl.errors import ForkctlError


class DataFileError(ForkctlError):
    """A file cannot be opened, or lacks what every LIBERO file has."""


class MissingSourceError(DataFileError):
    """A file points into another, and what it points at is not there."""


class AlignmentError(ForkctlError):
    """The file does not show which observation belongs to which action."""


class UnknownTaskError(ForkctlError):
    """A name is neither a suite nor a task of LIBERO."""
