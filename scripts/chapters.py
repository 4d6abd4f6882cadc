"""The chapters that every demo begins and ends with: the fork, the data, what was learned."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from story import OUT, ROOT, Story, checkpoint_of

REPORT = "openloop.html"


def lay_out(story: Story, forks: Sequence[str], *, series: str) -> str:
    """Bring up the first of `forks` that can be reached, and name it."""
    story.chapter(
        "The fork",
        "A fork is a pinned revision, a series of patches, and overlay files. sync fetches the "
        "revision, apply puts the rest on it, as one commit each. The same everywhere, to the bit.",
    )
    for fork in forks:
        if story.forkctl("sync", fork, must=False) == 0:
            break
        print(f"{fork} cannot be reached from here.", flush=True)
    else:
        sys.exit("demo: no upstream can be reached. It needs GitHub or a Python package index.")
    story.forkctl("apply", fork)
    story.forkctl("patches", series)
    story.forkctl("status")
    return fork


def make_libero_data(story: Story) -> Path:
    """A folder of two small files that look like libero_spatial."""
    story.chapter(
        "The data",
        "LIBERO itself is 70 GB on a hub; these files have its layout and conventions, drawn by "
        "forkctl. validate finds what would go wrong later, stats compares with published numbers.",
    )
    folder = OUT / "data/libero_spatial"
    story.forkctl("data", "synth", "libero_spatial", "--tasks", 2, "--demos", 6, "--out", folder)
    story.forkctl("data", "validate", folder)
    story.forkctl("data", "stats", folder)
    return folder


def evaluate(
    story: Story, fork: str, run: Path, data: Path, text: str, *words: object
) -> Mapping[str, Any]:
    """The actions of a run's policy against those of demos that it has not seen; the numbers."""
    story.chapter("What did it learn?", text)
    asked = ("eval", "openloop", fork, "--ckpt", checkpoint_of(run), "--data", data)
    out, report = run / "openloop", OUT / fork / REPORT
    story.forkctl(*asked, "--profile", "cpu", *words, "--out", out, "--html", report)
    found: Mapping[str, Any] = json.loads((ROOT / out / "results.json").read_text("utf-8"))
    return found


def value(results: Mapping[str, Any], arm: str, metric: str, column: str = "motion") -> float:
    """One number of an evaluation: of a policy of it, or of a trivial one beside them."""
    arms = {name: each["metrics"] for name, each in results["arms"].items()} | results["trivial"]
    found: float = arms[arm][metric][column][0]
    return found


def farewell(fork: str, *, shown: Mapping[str, str], next_steps: Sequence[str]) -> None:
    """What the demo has shown, in numbers that it has just measured, and what to type next."""
    width = max(map(len, shown))
    print("\nWhat this has shown:\n")
    for what, number in shown.items():
        print(f"    {what:{width}}  {number}")
    print(
        textwrap.dedent(f"""
        Everything of this demo is in demo/, runs/ and forks/. Look at {OUT / fork / REPORT}, and
        at the patches as ordinary commits: git -C forks/{fork} log

        The real thing, with LIBERO and a checkpoint of yours:
        """)
    )
    for line in next_steps:
        print(f"    {line}")
