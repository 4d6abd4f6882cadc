"""Prove that the forks hold: patches apply, the result is the locked one, entrypoints are there.

Everything happens in a scratch repository beside the cache; no tree is needed and none is touched.
"""

from __future__ import annotations

import enum
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.bare import BARE, write_repository
from forkctl.forks.cache import Fetcher, Unreachable, ensure_pin, resolve_upstream
from forkctl.forks.git import Repository
from forkctl.forks.lockfile import Inputs, LockedFork, read_lock
from forkctl.forks.manifest import Fork, GitSource, Manifest
from forkctl.forks.processes import Children
from forkctl.forks.sources import fetch_source
from forkctl.forks.workspace import Workspace
from forkctl.patching.model import PatchOutcome
from forkctl.patching.series.apply import what_differs
from forkctl.patching.series.building import SeriesFailed
from forkctl.patching.series.entrypoint import missing_words
from forkctl.patching.series.inputs import inputs_of
from forkctl.patching.series.rendering import Rendered, render


class CheckOutcome(enum.Enum):
    HOLDS = "holds"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class CheckResult:
    fork: Fork
    outcome: CheckOutcome
    revision: str | None = None
    commit: str | None = None
    patches: tuple[PatchOutcome, ...] = ()
    problems: tuple[ForkctlError, ...] = ()


def check(
    workspace: Workspace,
    manifest: Manifest,
    forks: Sequence[Fork],
    children: Children,
    *,
    at: str | None = None,
    offline: bool = False,
) -> list[CheckResult]:
    """`at`: a branch, tag, id or HEAD of upstream; then the lock is not asked."""
    lock = read_lock(workspace.lock_file)
    results = []
    for fork in forks:
        try:
            cached, revision = _fetch(manifest, fork, children, at, offline)
            known = lock.get(fork.name) if at is None else None
            result = _check_one(workspace, fork, cached, revision, known, locked=at is None)
        except Unreachable as error:
            result = CheckResult(fork, CheckOutcome.NOT_CHECKED, problems=(error,))
        except ForkctlError as error:
            result = CheckResult(fork, CheckOutcome.FAILED, problems=(error,))
        results.append(result)
    return results


def _fetch(
    manifest: Manifest, fork: Fork, children: Children, at: str | None, offline: bool
) -> tuple[Repository, str]:
    if at is None:
        return fetch_source(fork, manifest.mirrors, children, offline)
    if not isinstance(fork.source, GitSource):
        raise Unreachable(
            "comes from a package index, which has releases and no other revisions", where=fork.name
        )
    fetcher = Fetcher(children, manifest.mirrors, offline)
    revision = resolve_upstream(fetcher, fork.source.url, at)
    return ensure_pin(fetcher, fork.source.url, revision, fork.sparse), revision


def _check_one(
    workspace: Workspace,
    fork: Fork,
    cached: Repository,
    revision: str,
    known: LockedFork | None,
    *,
    locked: bool,
) -> CheckResult:
    inputs = inputs_of(workspace, fork, revision)
    try:
        with scratch_repository(cached) as scratch:
            rendered = render(workspace, fork, inputs, cached, scratch)
            problems = _entrypoint_problems(fork, scratch, rendered.head)
    except SeriesFailed as error:
        return CheckResult(fork, CheckOutcome.FAILED, revision, None, error.outcomes, (error,))
    if locked:
        problems += _lock_problems(inputs, rendered, known)
    return CheckResult(
        fork,
        CheckOutcome.FAILED if problems else CheckOutcome.HOLDS,
        revision,
        rendered.head,
        rendered.outcomes,
        tuple(replace_where(problem, fork.name) for problem in problems),
    )


def replace_where(problem: ForkctlError, fork: str) -> ForkctlError:
    problem.where = problem.where or fork
    return problem


@contextmanager
def scratch_repository(cached: Repository) -> Iterator[Repository]:
    """An empty repository that sees the cached objects and leaves them as they are."""
    with tempfile.TemporaryDirectory(prefix="forkctl-") as folder:
        git_dir = Path(folder) / "scratch.git"
        write_repository(git_dir, BARE)
        alternates = git_dir / "objects" / "info" / "alternates"
        alternates.write_text(f"{cached.git_dir / 'objects'}\n", encoding="utf-8")
        yield cached._replace(git_dir=git_dir)


def _entrypoint_problems(fork: Fork, store: Repository, head: str) -> list[ForkctlError]:
    if fork.entrypoint is None:
        return []
    entry = git.files_of(store, head).get(fork.entrypoint.file)
    source = None
    if entry is not None:
        with git.blob_reader(store) as blobs:
            source = blobs.read(entry.oid)
    missing = missing_words(fork.entrypoint, source)
    if not missing:
        return []
    return [
        ForkctlError(
            f"the entrypoint lacks {', '.join(missing)}",
            where=f"{fork.name}: {fork.entrypoint.file}",
            hint="correct [fork.NAME.entrypoint] in forks.toml, or the pin",
        )
    ]


def _lock_problems(
    inputs: Inputs, rendered: Rendered, known: LockedFork | None
) -> list[ForkctlError]:
    made = rendered.locked(inputs)
    if known == made:
        return []
    if known is None or known.inputs != inputs:
        return [
            ForkctlError(
                f"forks.lock does not record this: {what_differs(inputs, known)}",
                hint="`forkctl apply`, and commit forks.lock",
            )
        ]
    return [
        ForkctlError(
            f"the same inputs gave commit {made.commit[:12]}, forks.lock has {known.commit[:12]}",
            hint="forks.lock was edited, or this is a bug of forkctl: please report it",
        )
    ]
