"""Prove that the forks hold: patches apply, the result is the locked one, entrypoints exist.

Everything happens in a scratch repository beside the cache; no tree is needed and none is touched.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.cache import Fetcher, Unreachable, ensure_pin, resolve_upstream
from forkctl.forks.git import Repository
from forkctl.forks.lockfile import Inputs, LockedFork, read_lock
from forkctl.forks.manifest import Entrypoint, Fork, GitSource, Manifest
from forkctl.forks.processes import Children
from forkctl.forks.saving import settle
from forkctl.forks.sources import with_pin
from forkctl.forks.workspace import Workspace
from forkctl.patching.model import PatchOutcome
from forkctl.patching.series.apply import what_differs
from forkctl.patching.series.inputs import read_inputs
from forkctl.patching.series.planning import SeriesFailed
from forkctl.patching.series.rendering import Rendered, fault_of_sparse, render
from forkctl.scratch import scratch_folder


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
    """`at`: a branch, tag, id or HEAD of upstream; then the lock is not compared."""
    settle(workspace, children)
    lock = read_lock(workspace.lock_file)
    results = []
    for fork in forks:
        try:
            if at is None:
                look = partial(_check_one, workspace, fork, known=lock.get(fork.name), locked=True)
                result = with_pin(fork, manifest.mirrors, children, look, offline, thorough=True)
            else:
                pin = _fetch_at(manifest, fork, children, at, offline)
                result = _check_one(workspace, fork, *pin, known=None, locked=False)
        except Unreachable as error:
            result = CheckResult(fork, CheckOutcome.NOT_CHECKED, problems=(error,))
        except ForkctlError as error:
            result = CheckResult(fork, CheckOutcome.FAILED, problems=(error,))
        results.append(result)
    return results


def _fetch_at(
    manifest: Manifest, fork: Fork, children: Children, at: str, offline: bool
) -> tuple[Repository, str]:
    if not isinstance(fork.source, GitSource):
        raise Unreachable(
            "comes from a package index, which has releases but no other revisions", where=fork.name
        )
    fetcher = Fetcher(children, manifest.mirrors, offline)
    revision = resolve_upstream(fetcher, fork.source.url, at)
    return ensure_pin(fetcher, fork.source.url, revision, fork.sparse), revision


def _check_one(
    workspace: Workspace,
    fork: Fork,
    cached: Repository,
    revision: str,
    *,
    known: LockedFork | None,
    locked: bool,
) -> CheckResult:
    inputs = read_inputs(workspace, fork, revision)
    try:
        with scratch_folder() as folder:
            scratch = objects.borrowing(cached, folder / "scratch.git")
            rendered = render(fork, inputs, cached, scratch)
            problems = _entrypoint_problems(fork, scratch, rendered.head)
    except SeriesFailed as error:
        return CheckResult(fork, CheckOutcome.FAILED, revision, None, error.outcomes, (error,))
    if locked:
        problems += [fault] if (fault := fault_of_sparse(fork, rendered)) else []
        problems += _lock_problems(fork, inputs.digests, rendered, known)
    return CheckResult(
        fork,
        CheckOutcome.FAILED if problems else CheckOutcome.HOLDS,
        revision,
        rendered.head,
        rendered.outcomes,
        tuple(problems),
    )


def _entrypoint_problems(fork: Fork, store: Repository, head: str) -> list[ForkctlError]:
    if fork.entrypoint is None:
        return []
    entry = objects.files_of(store, head).get(fork.entrypoint.file)
    source = None
    if entry is not None:
        with objects.blob_reader(store) as blobs:
            source = blobs.read(entry.oid)
    missing = missing_words(fork.entrypoint, source)
    if not missing:
        return []
    return [
        ForkctlError(
            f"the entrypoint does not have {', '.join(missing)}",
            where=f"{fork.name}: {fork.entrypoint.file}",
            hint=f"correct [fork.{fork.name}.entrypoint] in forks.toml, or the pin",
        )
    ]


def _lock_problems(
    fork: Fork, inputs: Inputs, rendered: Rendered, known: LockedFork | None
) -> list[ForkctlError]:
    made = rendered.locked(inputs)
    if known == made:
        return []
    if known is None or known.inputs != inputs:
        return [
            ForkctlError(
                f"forks.lock does not record this: {what_differs(inputs, known)}",
                where=fork.name,
                hint="run `forkctl apply`, and commit forks.lock",
            )
        ]
    return [
        ForkctlError(
            f"the same inputs gave commit {made.commit[:12]}, forks.lock has {known.commit[:12]}",
            where=fork.name,
            hint="forks.lock was edited, or this is a bug in forkctl: please report it",
        )
    ]


def missing_words(entrypoint: Entrypoint, source: bytes | None) -> list[str]:
    """The flags and keys in forks.toml that the entrypoint does not have. It is read, never run."""
    if source is None:
        return [f"the file {entrypoint.file}"]
    if not entrypoint.file.endswith(".py"):
        text = source.decode("utf-8", "replace")
        return [word for word in (*entrypoint.flags, *entrypoint.config_keys) if word not in text]
    words = _words(ast.parse(source))
    # `--name` is a string of an argument parser, or a field of a configuration class
    flags = [f for f in entrypoint.flags if f not in words and f.removeprefix("--") not in words]
    keys = [key for key in entrypoint.config_keys if key.rpartition(".")[2] not in words]
    return [*(f"the flag {flag}" for flag in flags), *(f"the key {key}" for key in keys)]


def _words(tree: ast.Module) -> set[str]:
    """Strings, attributes, keywords and declared fields, but not plain names or comments."""
    words: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            words.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            words.add(node.target.id)
    return words
