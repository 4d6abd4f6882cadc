"""Check what forkctl depends on, and report problems before a command runs into them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from forkctl.atomic import size_of
from forkctl.checks import Check, failed, from_error, ok, warning
from forkctl.environments.simulator import check_simulator
from forkctl.errors import ForkctlError
from forkctl.forks import git, mirrors
from forkctl.forks.damage import faults
from forkctl.forks.git import Repository
from forkctl.forks.manifest import GitSource, Manifest
from forkctl.forks.processes import Children, NotInstalled
from forkctl.forks.workspace import Workspace
from forkctl.places import cache_root

LEAST_GIT = (2, 32)
_LOW_SPACE = 10 * 2**30


def doctor(
    workspace: Workspace | None, manifest: Manifest | None, children: Children
) -> list[Check]:
    return [
        _git(children),
        _python(),
        _uv(children),
        _cache(children),
        _disk("disk of the cache", cache_root()),
        *([_disk("disk of the workspace", workspace.root)] if workspace else []),
        *_mirrors(manifest),
        _gpu(),
        *(check_simulator(workspace) if workspace else []),
    ]


def _git(children: Children) -> Check:
    try:
        found = git.version(children)
    except NotInstalled as error:
        return from_error("git", error)
    text = ".".join(map(str, found))
    if found < LEAST_GIT:
        return failed("git", f"{text}; forkctl needs {'.'.join(map(str, LEAST_GIT))}")
    return ok("git", text)


def _python() -> Check:
    return ok("python", f"{platform.python_version()} ({sys.executable})")


def _uv(children: Children) -> Check:
    try:
        finished = children.run([sys.executable, "-m", "uv", "--version"], env=dict(os.environ))
    except OSError as error:
        return failed("uv", str(error))
    if finished.returncode:
        return failed("uv", "not installed in forkctl's own environment", "pip install uv")
    return ok("uv", finished.stdout.decode().strip())


def _cache(children: Children) -> Check:
    root = cache_root()
    if not os.access(_existing(root), os.W_OK):
        return failed("cache", f"{root} is not writable", "set FORKCTL_CACHE to another folder")
    repositories = [Repository(path.parent, children) for path in root.glob("*/*.git/forkctl.lock")]
    for cached in repositories:
        if found := _faults(cached):
            return failed(
                "cache",
                f"{cached.git_dir} is damaged: {'; '.join(found)}",
                "`forkctl check` of its fork puts that aside and fetches it again",
            )
    held = sum(size_of(root / kind) for kind in ("upstreams", "sdists") if (root / kind).is_dir())
    return ok("cache", f"{root}, {held / 2**20:.1f} MiB of upstreams")


def _faults(cached: Repository) -> list[str]:
    try:
        return faults(cached)
    except NotInstalled:  # which has a line of its own
        return []


def _disk(subject: str, path: Path) -> Check:
    free = shutil.disk_usage(_existing(path)).free
    text = f"{free / 2**30:.1f} GiB free"
    return ok(subject, text) if free > _LOW_SPACE else warning(subject, text)


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def _mirrors(manifest: Manifest | None) -> Iterator[Check]:
    if manifest is None:
        return
    try:
        for fork in manifest.forks:
            if isinstance(fork.source, GitSource):
                *others, _ = mirrors.places(fork.source.url, manifest.mirrors)
                if others:
                    yield ok(f"mirror of {fork.name}", ", ".join(others))
    except ForkctlError as error:
        yield from_error("mirrors", error)


def _gpu() -> Check:
    if not shutil.which("nvidia-smi"):
        return warning("gpu", "none found (no nvidia-smi); runs use the CPU")
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return warning("gpu", f"nvidia-smi failed: {error}")
    if done.returncode:
        return warning("gpu", f"nvidia-smi failed: {done.stdout.strip()[:100]}")
    return ok("gpu", "; ".join(done.stdout.strip().splitlines()))
