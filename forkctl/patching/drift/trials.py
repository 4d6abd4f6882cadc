"""Try a series on one version of one file: the outcome of each patch, and where its edits land.

The version is planned exactly as `forkctl apply` would plan it, except that the fork consists of
one file, so a verdict here is what a user would get there.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.lifetime import end_with
from forkctl.patching.engine.diagnosis import Refusal
from forkctl.patching.engine.scopes import MODULE, Definition
from forkctl.patching.engine.source import Source, parse_source
from forkctl.patching.model import EditStatus, Patch, PatchOutcome, PlainPatch, Verdict
from forkctl.patching.series.planning import PlainApplier, SeriesFailed, plan_series

Contents = Mapping[str, bytes | None]

_MADE = (EditStatus.APPLIED, EditStatus.ALREADY)
_WORKERS = min(4, os.cpu_count() or 1)
_WORTH_WORKERS = 30  # versions; for fewer, starting processes costs more than it saves


_ENCLOSING_WORDS: dict[type[ast.AST], str] = {ast.ExceptHandler: "except", ast.match_case: "case"}


@dataclass(frozen=True)
class PatchTrial:
    """One patch on one version of one file.

    `places` says where each edit landed, in words that stay the same when the code around it
    changes; the caller compares them with those at the pin.
    """

    verdict: str
    places: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


NOT_FOR_IT = PatchTrial(Verdict.NOT_FOR_THIS_FORK.value)


@dataclass(frozen=True)
class Attempt:
    """A version of a file, and the patches to try on it, in order."""

    path: str
    data: bytes = field(repr=False)
    patches: tuple[Patch, ...]


def try_all(
    attempts: Sequence[Attempt], apply_plain: PlainApplier
) -> Iterator[tuple[PatchTrial, ...]]:
    """One trial for each patch of each attempt; in several processes if there are many."""
    pure = [attempt for attempt in attempts if not _needs_git(attempt)]
    trials: Iterator[tuple[PatchTrial, ...]]
    if len(pure) < _WORTH_WORKERS or _WORKERS == 1:
        trials = map(_try_structural, pure)
    else:
        with ProcessPoolExecutor(_WORKERS, initializer=end_with) as pool:
            trials = iter(list(pool.map(_try_structural, pure, chunksize=8)))
    for attempt in attempts:
        yield try_patches(attempt, apply_plain) if _needs_git(attempt) else next(trials)


def try_patches(attempt: Attempt, apply_plain: PlainApplier) -> tuple[PatchTrial, ...]:
    patches = [_only_for(patch, attempt.path) for patch in attempt.patches]
    tree = OneFile(attempt.path, attempt.data)

    def apply_here(patch: PlainPatch, current: Contents) -> Contents:
        return {attempt.path: apply_plain(patch, current)[attempt.path]}

    try:
        outcomes = plan_series(tree, "", (), patches, apply_here).outcomes
    except SeriesFailed as failed:
        outcomes = failed.outcomes
    source = _parsed(attempt.data)
    return tuple(_trial(outcome, source) for outcome in outcomes)


def _try_structural(attempt: Attempt) -> tuple[PatchTrial, ...]:
    return try_patches(attempt, _no_plain_patch)


def _no_plain_patch(patch: PlainPatch, current: Contents) -> Contents:
    raise AssertionError(f"{patch.name} is a plain patch")


def _needs_git(attempt: Attempt) -> bool:
    return any(isinstance(patch, PlainPatch) for patch in attempt.patches)


def _only_for(patch: Patch, path: str) -> Patch:
    """The part of a patch that is about this file. Its `forks` and `when` were checked before."""
    if isinstance(patch, PlainPatch):
        return replace(patch, forks=())
    files = tuple(file for file in patch.files if file.path == path)
    return replace(patch, files=files, forks=(), when=())


@dataclass(frozen=True)
class OneFile:
    path: str
    data: bytes

    def read(self, path: str) -> bytes | None:
        return self.data if path == self.path else None

    def exists(self, path: str) -> bool:
        return path == self.path


def _trial(outcome: PatchOutcome, source: Source | None) -> PatchTrial:
    failed = outcome.diagnoses
    idle = outcome.edits and not any(edit.status in _MADE for edit in outcome.edits)
    if idle and not failed:
        return NOT_FOR_IT  # all optional, and nothing to do here
    return PatchTrial(
        outcome.verdict.value,
        places=tuple(_places(outcome, source)) if source is not None else (),
        why=tuple(line for diagnosis in failed for line in diagnosis.describe().splitlines()),
    )


def _places(outcome: PatchOutcome, source: Source) -> Iterator[str]:
    for edit in outcome.edits:
        if edit.status in _MADE:
            for line in edit.lines:
                yield f"{edit.edit}: {place_of(source.tree, line)}"


def _parsed(data: bytes) -> Source | None:
    try:
        return parse_source(data)
    except Refusal:
        return None  # not Python, or broken


def place_of(tree: ast.Module, line: int) -> str:
    """What encloses a line, outermost first, such as `train / if / try`; definitions by name.

    A statement that begins on the line does not enclose it.
    """
    path: list[str] = []
    node: ast.AST | None = tree
    while node is not None:
        node = next((child for child in _children(node) if _spans(child, line)), None)
        if node is None or getattr(node, "lineno", 0) == line:
            break
        if isinstance(node, Definition):
            path.append(node.name)
        elif next(_children(node), None) is not None:
            path.append(_ENCLOSING_WORDS.get(type(node), type(node).__name__.lower()))
    return " / ".join(path) or MODULE


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield from block


def _spans(node: ast.AST, line: int) -> bool:
    if not hasattr(node, "lineno"):  # a `case` has no position of its own
        return any(_spans(child, line) for child in _children(node))
    end: int = node.end_lineno  # type: ignore[attr-defined]
    return bool(node.lineno <= line <= end)


@dataclass(frozen=True)
class TrialCache:
    """One small JSON file per patch, in a folder per engine version.

    A patch that changed has another digest and so another file. A file that is missing, damaged or
    written by two commands at once only costs the trials again.
    """

    folder: Path

    def load(self, patch_digest: str) -> dict[str, PatchTrial]:
        """The trials of one patch, by their keys."""
        try:
            entries = json.loads(self._file(patch_digest).read_bytes())
            return {
                key: PatchTrial(entry["verdict"], tuple(entry["places"]), tuple(entry["why"]))
                for key, entry in entries.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def store(self, patch_digest: str, trials: Mapping[str, PatchTrial]) -> None:
        """Replace the trials of one patch."""
        entries = {key: asdict(trial) for key, trial in sorted(trials.items())}
        write_atomically(self._file(patch_digest), json.dumps(entries, indent=0))

    def _file(self, patch_digest: str) -> Path:
        return self.folder / f"{hashlib.sha256(patch_digest.encode()).hexdigest()[:32]}.json"
