"""A PYTHONPATH entry of forkctl's own, kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import forkctl
from forkctl.forks.cache import cache_root


def forkctl_on_path() -> Path:
    """A folder that holds the forkctl package and nothing else.

    Overlays import forkctl.libero inside a fork's own environment. The folder that forkctl is
    installed in holds a whole other environment, which must not leak into the fork's.
    """
    package = Path(forkctl.__file__).resolve().parent
    name = hashlib.sha256(str(package).encode()).hexdigest()[:12]
    folder = cache_root() / "pythonpath" / name
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "forkctl"
    if not link.is_symlink():
        with contextlib.suppress(FileExistsError):  # another forkctl made it at this moment
            link.symlink_to(package, target_is_directory=True)
    return folder
