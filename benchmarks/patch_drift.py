"""Structural patches beside `git am -3` and `patch -F3`, on every version of real upstreams.

    python -m benchmarks.patch_drift

Each edit is made once, at the pin of the first fork that it is for. The two textual tools get that
change as git would carry it; the engine gets the patch file. Then all three are tried on every
distinct version, over all branches, tags and pull requests, and each result is held against what it
must be (tests/upstream/patches/places.py, which knows nothing of the engine). Nothing of an
upstream is kept: the diffs are made here and thrown away. Exits with 1 when the engine is wrong.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.textual import Bench
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import find_workspace
from tests.upstream.patches.every_version import (
    EDITS,
    Judgement,
    Pair,
    pairs_of,
    rendered,
    structural,
)

METHODS = ("structural", "git am -3", "patch -F3")
Tool = Callable[[bytes], bytes | None]


def main() -> int:
    workspace = find_workspace()
    forks = load(workspace.manifest).forks
    fetcher = Fetcher(Children())
    totals: dict[str, Counter[Judgement]] = {method: Counter() for method in METHODS}
    seconds: Counter[str] = Counter()
    targets = 0
    print("| edit | versions | has the place | " + " | ".join(METHODS) + " |")
    print("|---|---|---|" + "---|" * len(METHODS))
    with tempfile.TemporaryDirectory(prefix="forkctl-bench-") as scratch:
        bench = Bench(Path(scratch) / "repository")
        for edit in EDITS:
            pairs = pairs_of(edit, workspace.patches, forks, fetcher)
            edits = structural(edit, workspace.patches)
            pin = next(pair for pair in pairs if pair.at_pin)
            after = rendered(edits, pin.before)
            assert after is not None, f"{edit.patch} does not apply at the pin of {pin.fork}"
            diff = bench.make_patch(edit.path, pin.before, after)
            tools: dict[str, Tool] = {
                "structural": lambda text, edits=edits: rendered(edits, text),
                "git am -3": lambda text, diff=diff: bench.git_am(diff, text),
                "patch -F3": lambda text, diff=diff: bench.patch_f3(diff, text),
            }
            counts = {name: judged(pairs, tool, seconds, name) for name, tool in tools.items()}
            place = sum(pair.expected is not None for pair in pairs)
            cells = (told(counts[method]) for method in METHODS)
            name = f"{edit.series}/{edit.patch.removesuffix('.yaml')}, {Path(edit.path).name}"
            print(f"| {name} | {len(pairs)} | {place} | " + " | ".join(cells) + " |", flush=True)
            targets += place
            for method in METHODS:
                totals[method] += counts[method]
    versions = sum(totals["structural"].values())
    cells = (told(totals[method]) for method in METHODS)
    print(f"| **all** | {versions} | {targets} | " + " | ".join(cells) + " |")
    costs = (f"{method} {seconds[method] / versions * 1000:.0f}" for method in METHODS)
    print("\nms a version: " + ", ".join(costs))
    return int(totals["structural"][Judgement.WRONG] > 0)


def judged(
    pairs: Sequence[Pair], tool: Tool, seconds: Counter[str], name: str
) -> Counter[Judgement]:
    start = time.perf_counter()
    results = [tool(pair.before) for pair in pairs]
    seconds[name] += time.perf_counter() - start  # type: ignore[assignment]
    return Counter(pair.judge(after) for pair, after in zip(pairs, results, strict=True))


def told(counts: Counter[Judgement]) -> str:
    wrong = f", **{counts[Judgement.WRONG]} wrong**" if counts[Judgement.WRONG] else ""
    return f"{counts[Judgement.RIGHT]}{wrong}"


if __name__ == "__main__":
    raise SystemExit(main())
