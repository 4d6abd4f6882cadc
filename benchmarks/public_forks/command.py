"""`python -m benchmarks.public_forks`: the patches on public forks, and what came of it.

A patch that is not for a fork of that kind is not counted. A pair is one patch on one tree. It is

    right            every edit was made where it belongs, and nothing else changed
    wrong            any other result that was reported as clean
    refused rightly  the place does not exist, or the fork has its own solution
    refused falsely  every place exists
    doubtful         the place is right; whether the code does its work there, no anchor can tell

"Of the places" is the share of right results among the pairs in which refusing is false.

Exits with 1 if the engine is wrong, or if a version has not been judged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.patch_drift import ScratchRepository
from benchmarks.public_forks.forks import DEVELOPMENT, HELD_OUT, PublicFork, load_forks
from benchmarks.public_forks.judging import Case, Result
from benchmarks.public_forks.methods import Attempt, Method, Textual, by_engine, whole_series
from benchmarks.public_forks.trees import Tree, fetch_tree, pinned_tree
from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import Manifest, load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import find_workspace
from forkctl.patching.model import StructuralPatch
from forkctl.patching.reading.loading import load_series
from forkctl.patching.series.planning import applies_to

_COLUMNS = (Result.RIGHT, Result.WRONG, Result.REFUSED_RIGHTLY, Result.REFUSED_FALSELY)


@dataclass(frozen=True)
class Tried:
    fork: PublicFork
    case: Case
    method: Method
    attempt: Attempt
    result: Result


def main() -> int:
    asked = _arguments()
    workspace = find_workspace()
    manifest = load(workspace.manifest)
    fetcher = Fetcher(Children())
    forks = [
        fork
        for fork in load_forks(HELD_OUT if asked.held_out else DEVELOPMENT)
        if asked.only in fork.name
    ]
    trees = dict(_reached(forks, manifest, workspace.patches, fetcher))
    with tempfile.TemporaryDirectory(prefix="forkctl-bench-") as scratch:
        repository = ScratchRepository(Path(scratch) / "repository")
        tools = Tools(
            repository, manifest, workspace.patches, fetcher, textual=not asked.engine_only
        )
        tried = [each for fork, tree in trees.items() for each in tools.on(fork, tree)]
    _print_tables(tried)
    _print_series(trees, manifest, workspace.patches)
    if asked.details:
        _print_details(tried)
    bad = {Result.WRONG, Result.UNJUDGED}
    return int(any(t.result in bad for t in tried if t.method is Method.ENGINE))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.public_forks", description=__doc__)
    parser.add_argument("--held-out", action="store_true", help="the forks of the last proof")
    parser.add_argument("--details", action="store_true", help="list what is not right, and why")
    parser.add_argument("--engine-only", action="store_true", help="leave out git and patch")
    parser.add_argument("--only", default="", metavar="TEXT", help="forks with this in their name")
    return parser.parse_args()


def _reached(
    forks: Sequence[PublicFork], manifest: Manifest, patches: Path, fetcher: Fetcher
) -> Iterator[tuple[PublicFork, Tree]]:
    """The trees that can be had; the others are named."""
    missing = 0
    for fork in forks:
        paths = paths_of(patches, manifest.fork(fork.like).series)
        try:
            yield fork, fetch_tree(fork, paths, fetcher)
        except ForkctlError as error:
            missing += 1
            print(f"OUT OF REACH: {fork.name}: {error.message}", file=sys.stderr)
    if missing:
        print(f"{missing} OF {len(forks)} TREES WERE NOT TRIED", file=sys.stderr)


def structural_patches(patches: Path, series: Sequence[str]) -> list[StructuralPatch]:
    return [
        patch
        for name in series
        for patch in load_series(patches, name)
        if isinstance(patch, StructuralPatch)
    ]


def paths_of(patches: Path, series: Sequence[str]) -> list[str]:
    return sorted({path for p in structural_patches(patches, series) for path in p.touched})


class Tools:
    """All methods, with the diffs that the textual ones need made once for each kind of fork."""

    def __init__(
        self,
        scratch: ScratchRepository,
        manifest: Manifest,
        patches: Path,
        fetcher: Fetcher,
        *,
        textual: bool,
    ) -> None:
        self.scratch = scratch
        self.manifest = manifest
        self.patches = patches
        self.fetcher = fetcher
        self.textual = textual
        self._pins: dict[str, Tree] = {}
        self._diffs: dict[tuple[str, str], Textual] = {}

    def on(self, fork: PublicFork, tree: Tree) -> Iterator[Tried]:
        for patch in structural_patches(self.patches, self.manifest.fork(fork.like).series):
            if not applies_to(patch, fork.like, tree):
                continue
            case = Case(patch, tree)
            for method, attempt in self._attempts(patch, fork.like, tree):
                yield Tried(fork, case, method, attempt, case.judge(attempt.files))

    def _attempts(
        self, patch: StructuralPatch, like: str, tree: Tree
    ) -> Iterator[tuple[Method, Attempt]]:
        yield Method.ENGINE, by_engine(patch, like, tree)
        if not self.textual:
            return
        if (patch.title, like) not in self._diffs:
            self._diffs[patch.title, like] = Textual(self.scratch, patch, self._pin(like), like)
        for method in (Method.GIT_APPLY, Method.PATCH_F3):
            yield method, self._diffs[patch.title, like].attempt(tree, method)

    def _pin(self, like: str) -> Tree:
        if like not in self._pins:
            fork = self.manifest.fork(like)
            self._pins[like] = pinned_tree(fork, paths_of(self.patches, fork.series), self.fetcher)
        return self._pins[like]


# -- printing ---------------------------------------------------------------------------------


def _print_tables(tried: Sequence[Tried]) -> None:
    counts: dict[Method, Counter[Result]] = defaultdict(Counter)
    for each in tried:
        counts[each.method][each.result] += 1
    trees = {each.fork for each in tried}
    repositories = {fork.repository for fork in trees}
    pairs = sum(counts[Method.ENGINE].values())
    print(f"{len(trees)} trees of {len(repositories)} public forks, {pairs} (patch, tree) pairs\n")
    others = [r for r in (Result.DOUBTFUL, Result.UNJUDGED) if any(c[r] for c in counts.values())]
    columns = [*_COLUMNS, *others]
    print("| method | " + " | ".join(result.value for result in columns) + " | of the places |")
    print("|---|" + "---:|" * (len(columns) + 1))
    for method, count in counts.items():
        cells = [str(count[result]) for result in columns]
        share = _share([each for each in tried if each.method is method])
        print(f"| {method.value} | " + " | ".join(cells) + f" | {share} |")
    print()
    _print_patches([each for each in tried if each.method is Method.ENGINE])


def _share(tried: Sequence[Tried]) -> str:
    places = [each for each in tried if each.case.judge(None) is Result.REFUSED_FALSELY]
    right = sum(each.result is Result.RIGHT for each in places)
    return f"{right / len(places):.1%}" if places else "-"


def _print_patches(tried: Sequence[Tried]) -> None:
    print("| patch | " + " | ".join(result.value for result in _COLUMNS) + " |")
    print("|---|" + "---:|" * len(_COLUMNS))
    counts: dict[str, Counter[Result]] = defaultdict(Counter)
    for each in tried:
        counts[each.case.patch.title.removesuffix(".yaml")][each.result] += 1
    for title, count in counts.items():
        print(f"| {title} | " + " | ".join(str(count[result]) for result in _COLUMNS) + " |")
    kinds = Counter(kind for each in tried if each.result is Result.WRONG for kind in _kinds(each))
    if kinds:
        print("\nwrong, by kind: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))


def _kinds(tried: Tried) -> tuple[str, ...]:
    return tried.case.traps[:1] or ("other",)


def _print_series(trees: dict[PublicFork, Tree], manifest: Manifest, patches: Path) -> None:
    whole: dict[str, Counter[bool]] = defaultdict(Counter)
    for fork, tree in trees.items():
        series = structural_patches(patches, manifest.fork(fork.like).series)
        whole[fork.like][whole_series(series, fork.like, tree)] += 1
    told = (f"{like} {count[True]} of {sum(count.values())}" for like, count in whole.items())
    print("\nthe whole series goes on: " + ", ".join(told))


def _print_details(tried: Sequence[Tried]) -> None:
    for method in Method:
        for result in (Result.WRONG, Result.REFUSED_FALSELY, Result.DOUBTFUL, Result.UNJUDGED):
            found = [t for t in tried if t.method is method and t.result is result]
            if found and (method is Method.ENGINE or result is Result.WRONG):
                print(f"\n{method.value}: {result.value}")
                for each in found:
                    _print_one(each)


def _print_one(tried: Tried) -> None:
    said = f" [{tried.attempt.said}]" if tried.attempt.said else ""
    print(f"  {tried.fork.name}: {tried.case.name}{said}")
    if tried.result is Result.UNJUDGED:
        for line in tried.case.unread:
            print(f"      nobody has judged {line}")
    for edit in tried.case.edits:
        judged = edit.judged
        if judged.why or judged.trap:
            trap = f" ({judged.trap})" if judged.trap else ""
            print(f"      {edit.id}: {judged.standing.value}{trap}: {judged.why}")
