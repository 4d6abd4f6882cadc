"""The chapter of a policy that works: trained on states, tried in the world of its demonstrations.

Learning from images takes hours on two cores. From `obs/object`, which says where things are, the
same entrypoint learns the task in a minute, and the success rate shows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from story import OUT, ROOT, Story, checkpoint_of, last_run, settings, trained

SUITE = "libero_spatial"
DEMOS = 300
TRIALS = 20
NAME = "on_states"


def act(story: Story, fork: str, changes: Mapping[str, object], steps: int) -> dict[str, str]:
    """Train a policy and let it act: its success rate, beside those of two that know nothing."""
    story.chapter(
        "A policy that works",
        "Demonstrations of one task, without frames, but with the places of its objects. "
        "Upstream's own train.py learns from them, and the policy then does the task on the same "
        "table, from starts that no demonstration had; so do standing still and random moves.",
    )
    data = OUT / "data/on_states"
    synth = ("data", "synth", SUITE, "--tasks", 1, "--demos", DEMOS, "--no-images", "--out", data)
    story.forkctl(*synth)
    config = story.folder(fork) / f"{NAME}.json"
    words = ("config", fork, SUITE, "--algo", "bc", "--data", data)
    story.forkctl(*words, *settings({"experiment.name": NAME, **changes}), "-o", config)
    if last_run(fork, NAME) is None:
        story.forkctl("run", fork, config, "--profile", "cpu", "--steps", steps)
    run = trained(fork, NAME)
    mine = ("--ckpt", checkpoint_of(run), "--profile", "cpu")
    return {
        "success of the policy on states": _rate(story, run / "rollouts/policy", fork, *mine),
        "… of standing still": _rate(story, run / "rollouts/zero", "baseline:zero"),
        "… of moving at random": _rate(story, run / "rollouts/random", "baseline:random"),
    }


def _rate(story: Story, out: Path, *policy: object) -> str:
    where = ("--world", "tabletop", "--suite", SUITE, "--tasks", 0, "--trials", TRIALS)
    story.forkctl("eval", "rollout", *policy, *where, "--out", out)
    rate = json.loads((ROOT / out / "rollout.json").read_text(encoding="utf-8"))["overall"]
    low, high = (100 * rate[end] for end in ("low", "high"))
    return f"{rate['successes']} of {rate['trials']} (95 % interval: {low:.0f} to {high:.0f} %)"
