"""The chapters that every demo begins and ends with: the fork, the data, what to type next."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from story import OUT, Story


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


def farewell(fork: str, *, look_at: Path, next_steps: Sequence[str]) -> None:
    print(
        textwrap.dedent(f"""
        Everything of this demo is in demo/, runs/ and forks/. Look at {look_at}, and at
        the patches as ordinary commits: git -C forks/{fork} log

        The real thing, with LIBERO and a checkpoint of yours:
        """)
    )
    for line in next_steps:
        print(f"    {line}")
