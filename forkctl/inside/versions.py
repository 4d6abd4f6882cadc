"""What code something was made by."""

from __future__ import annotations

import hashlib
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path

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


@lru_cache(maxsize=None)
def forkctl_code() -> str:
    """forkctl's version, and a digest of its code: what runs may be a checkout between versions."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def made_by(*packages: str) -> dict[str, str]:
    return {"python": platform.python_version(), "forkctl": forkctl_code(), **installed(*packages)}
