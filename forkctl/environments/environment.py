"""The environments that forks run in: made with uv from a lock, or brought along.

The heavy part, gigabytes of packages, depends on the lock, the Python and the platform, and on
nothing else; it is made once and kept in the cache under that key. Upstream's own package is never
installed into it: see `binding`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forkctl.environments import installing
from forkctl.environments.locks import Lock
from forkctl.errors import ForkctlError, UsageError
from forkctl.places import cache_root, expanded

_RECORD = "forkctl-env.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """`key` and `profile` are None for an environment that the user brought along."""

    prefix: Path
    python: Path
    key: str | None = None
    profile: str | None = None

    @property
    def ours(self) -> bool:
        return self.key is not None


def environment_key(lock: Lock) -> str:
    material = [lock.digest, lock.python, sys.platform, platform.machine()]
    return hashlib.sha256("\0".join(material).encode()).hexdigest()[:16]


def environments_root() -> Path:
    return cache_root() / "envs"


def find_environment(lock: Lock) -> Environment | None:
    prefix = environments_root() / environment_key(lock)
    return _at(prefix, lock) if (prefix / _RECORD).is_file() else None


def _at(prefix: Path, lock: Lock) -> Environment:
    return Environment(prefix, prefix / "bin" / "python", prefix.name, lock.profile)


def create_environment(lock: Lock, say: Say) -> Environment:
    """Make the environment of this lock, or return it if it is there.

    It is built beside its place and renamed, so that a half-made one is never found.
    """
    key = environment_key(lock)
    with _locked(key, say):
        there = find_environment(lock)
        if there is not None:
            return there
        building = environments_root() / f".{key}.tmp"
        _remove_tree(building)
        try:
            installing.install(lock, building, say)
            record = {
                "lock": str(lock.path),
                "profile": lock.profile,
                "python": lock.python,
                "exclude_newer": lock.exclude_newer,
                "requirements": lock.requirements,
            }
            (building / _RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")
            building.rename(environments_root() / key)
        except BaseException:
            _remove_tree(building)
            raise
    return _at(environments_root() / key, lock)


def remove_environment(lock: Lock, say: Say) -> bool:
    """Remove the environment of this lock; False if there was none."""
    key = environment_key(lock)
    with _locked(key, say):
        prefix = environments_root() / key
        if not prefix.exists():
            return False
        gone = environments_root() / f".{key}.gone"
        _remove_tree(gone)
        prefix.rename(gone)  # first: a half-removed environment must not be found
        _remove_tree(gone)
        return True


def own_environment(chosen: str) -> Environment:
    """The environment behind `--env PATH` (its folder or its Python) or `--env current`."""
    if chosen == "current":
        prefix = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX") or sys.prefix
        return _own(Path(prefix))
    path = expanded(Path(chosen)).absolute()
    if path.is_file() and os.access(path, os.X_OK):
        return Environment(path.parent.parent, path)
    return _own(path)


def _own(prefix: Path) -> Environment:
    python = prefix / "bin" / "python"
    if not python.exists():
        raise UsageError(
            "there is no bin/python in this environment",
            where=str(prefix),
            hint="give the folder of a virtual or conda environment, its Python, or `current`",
        )
    return Environment(prefix, python)


def size_of(environment: Environment) -> int:
    """Bytes on disk. A file that uv links from its cache counts, though it costs no more room."""
    done = subprocess.run(
        ["du", "-sk", str(environment.prefix)], capture_output=True, text=True, check=False
    )
    return int(done.stdout.split()[0]) * 1024 if done.returncode == 0 else 0


@contextlib.contextmanager
def _locked(key: str, say: Say) -> Iterator[None]:
    """One maker or remover at a time for one key."""
    root = environments_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / f".{key}.lock").open("w")
    except OSError as error:
        raise ForkctlError(
            f"cannot write to the cache: {error.strerror}",
            where=str(root),
            hint="set FORKCTL_CACHE to a folder that you can write to",
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another forkctl that makes or removes this environment")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
