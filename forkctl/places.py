"""Where forkctl keeps what can be made again, and what `~` means.

Standard library only, Python 3.9: what runs in the forks' environments asks for the same folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from forkctl.errors import UsageError


def cache_root() -> Path:
    """An absolute folder, so that it is the same one wherever forkctl is typed."""
    variable = "FORKCTL_CACHE"
    chosen = os.environ.get(variable)
    if not chosen:
        base = os.environ.get("XDG_CACHE_HOME") or ""
        if not os.path.isabs(base):  # which the standard wants to be ignored  # noqa: PTH117
            variable, base = "HOME", "~/.cache"
        chosen = f"{base}/forkctl"
    path = expanded(Path(chosen))
    if str(path).startswith("~"):
        raise UsageError(
            f"there is no home folder behind {chosen!r}",
            where=variable,
            hint="set FORKCTL_CACHE to an absolute path",
        )
    return path.absolute()


def expanded(path: Path) -> Path:
    """With the home folder for `~`; where no user has that name, the path is as it was typed."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (that of pathlib raises RuntimeError)
