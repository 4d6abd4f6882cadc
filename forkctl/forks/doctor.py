"""Look at what forkctl stands on, and say what is amiss before a command runs into it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forkctl.atomic import size_of
from forkctl.errors import ForkctlError
from forkctl.forks import git, mirrors
from forkctl.forks.cache import cache_root
from forkctl.forks.manifest import GitSource, Manifest
from forkctl.forks.processes import Children
from forkctl.forks.workspace import Workspace

LEAST_GIT = (2, 32)
_LOW_SPACE = 10 * 2**30


@dataclass(frozen=True)
class Finding:
    about: str
    verdict: str  # "ok", "note" or "bad"
    says: str


def doctor(
    workspace: Workspace | None, manifest: Manifest | None, children: Children
) -> list[Finding]:
    return [
        _git(children),
        _python(),
        _uv(children),
        _cache(),
        _disk("disk of the cache", cache_root()),
        *([_disk("disk of the workspace", workspace.root)] if workspace else []),
        *_mirrors(manifest),
        _gpu(),
    ]


def _git(children: Children) -> Finding:
    try:
        found = git.version(children)
    except FileNotFoundError:
        return Finding("git", "bad", "not found; install git")
    text = ".".join(map(str, found))
    if found < LEAST_GIT:
        return Finding("git", "bad", f"{text}; forkctl needs {'.'.join(map(str, LEAST_GIT))}")
    return Finding("git", "ok", text)


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _uv(children: Children) -> Finding:
    try:
        finished = children.run([sys.executable, "-m", "uv", "--version"], env=dict(os.environ))
    except OSError as error:
        return Finding("uv", "bad", str(error))
    if finished.returncode:
        return Finding("uv", "bad", "not installed beside forkctl; `pip install uv`")
    return Finding("uv", "ok", finished.stdout.decode().strip())


def _cache() -> Finding:
    root = cache_root()
    there = next(p for p in (root, *root.parents) if p.exists())
    if not os.access(there, os.W_OK):
        return Finding("cache", "bad", f"{root} cannot be written; set FORKCTL_CACHE")
    held = sum(size_of(root / kind) for kind in ("upstreams", "sdists") if (root / kind).is_dir())
    return Finding("cache", "ok", f"{root}, {held / 2**20:.1f} MiB of upstreams")


def _disk(about: str, path: Path) -> Finding:
    there = next(p for p in (path, *path.parents) if p.exists())
    free = shutil.disk_usage(there).free
    verdict = "ok" if free > _LOW_SPACE else "note"
    return Finding(about, verdict, f"{free / 2**30:.1f} GiB free")


def _mirrors(manifest: Manifest | None) -> Iterator[Finding]:
    if manifest is None:
        return
    try:
        for fork in manifest.forks:
            if isinstance(fork.source, GitSource):
                *others, _ = mirrors.places(fork.source.url, manifest.mirrors)
                if others:
                    yield Finding(f"mirror of {fork.name}", "ok", ", ".join(others))
    except ForkctlError as error:
        yield Finding("mirrors", "bad", error.message)


def _gpu() -> Finding:
    if not shutil.which("nvidia-smi"):
        return Finding("gpu", "note", "none seen (no nvidia-smi); runs go to the CPU")
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("gpu", "note", f"nvidia-smi failed: {error}")
    if done.returncode:
        return Finding("gpu", "note", f"nvidia-smi failed: {done.stdout.strip()[:100]}")
    return Finding("gpu", "ok", "; ".join(done.stdout.strip().splitlines()))
