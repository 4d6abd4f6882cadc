"""What code something was made by."""

from __future__ import annotations

import platform
from importlib import metadata

from forkctl import __version__


def installed(*packages: str) -> dict[str, str]:
    """The versions of those that are there."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def made_by(*packages: str) -> dict[str, str]:
    return {"python": platform.python_version(), "forkctl": __version__, **installed(*packages)}
