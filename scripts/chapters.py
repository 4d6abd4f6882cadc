"""The chapters that every demo begins and ends with: the fork, the data, what was learned."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from story import OUT, ROOT, Story, checkpoint_of, losses

REPORT = "openloop.html"
AVERAGED = 10  # steps at the beginning and at the end, over which a loss is averaged


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


def evaluate(story: Story, fork: str, run: Path, text: str, *words: object) -> Mapping[str, Any]:
    """Compare a policy's actions with those of demos that no run has seen; the numbers."""
    story.chapter("What did it learn?", text)
    unseen = OUT / "data/unseen"
    synth = ("data", "synth", "libero_spatial", "--tasks", 2, "--demos", 3, "--seed", 1)
    story.forkctl(*synth, "--out", unseen)
    asked = ("eval", "openloop", fork, "--ckpt", checkpoint_of(run), "--data", unseen)
    out, report = run / "openloop", OUT / fork / REPORT
    words = ("--episodes", "all", "--probes", 0, *words)
    story.forkctl(*asked, "--profile", "cpu", *words, "--out", out, "--html", report)
    found: Mapping[str, Any] = json.loads((ROOT / out / "results.json").read_text("utf-8"))
    return found


def skill(results: Mapping[str, Any]) -> str:
    """How much better the motion is than the constant mean; a constant has 0, the truth 1."""
    found, low, high = results["arms"]["policy"]["metrics"]["skill_mean"]["motion"]
    return f"{found:+.2f}, a constant 0 (95 % interval: {low:+.2f} to {high:+.2f})"


def skills(results: Mapping[str, Any], base: str) -> str:
    """The same of a policy and of the one it is compared with."""
    found = {arm: value(results, arm, "skill_mean") for arm in ("fine-tuned", "base")}
    gain, low, high = results["difference"]["skill_mean"]["motion"]
    return (
        f"{found['fine-tuned']:+.2f}, {base} {found['base']:+.2f}, a constant 0 "
        f"(difference {gain:+.2f}, 95 % interval: {low:+.2f} to {high:+.2f})"
    )


def course(run: Path) -> str:
    """How the loss of a run went."""
    of_steps = losses(run)
    first, last = fmean(of_steps[:AVERAGED]), fmean(of_steps[-AVERAGED:])
    return f"from {first:.3g} to {last:.3g} in {len(of_steps)} steps"


def value(results: Mapping[str, Any], arm: str, metric: str, column: str = "motion") -> float:
    """One number of a policy that was evaluated."""
    found: float = results["arms"][arm]["metrics"][metric][column][0]
    return found


def farewell(fork: str, *, shown: Mapping[str, str], next_steps: Sequence[str]) -> None:
    """What the demo has shown, in numbers that it has measured, and what to type next."""
    width = max(map(len, shown))
    print("\nWhat this has shown:\n")
    for what, number in shown.items():
        print(f"    {what:{width}}  {number}")
    print(
        textwrap.dedent(f"""
        Everything that this demo made is in demo/, runs/ and forks/. Next, look at
        {OUT / fork / REPORT}, and at the patches, which are ordinary commits:
        git -C forks/{fork} log

        The real thing, with LIBERO and your own checkpoint:
        """)
    )
    for line in next_steps:
        print(f"    {line}")
