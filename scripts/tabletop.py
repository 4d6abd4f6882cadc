"""The chapter of a policy that works: trained on states, tried in the world of its demonstrations.

Images take hours to learn from on two cores. What `obs/object` says of where things are can be
learned in a minute, by the same entrypoint, and shows in the number that counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from story import OUT, ROOT, Story, checkpoint_of, last_run, settings, trained

SUITE = "libero_spatial"
DEMOS = 100
TRIALS = 20
NAME = "on_states"


def act(story: Story, fork: str, changes: Mapping[str, object], steps: int) -> dict[str, str]:
    """Train a policy and let it act; how often it succeeds, and how often who knows nothing."""
    story.chapter(
        "A policy that works",
        "Demonstrations of one task without frames, but with where its objects are; upstream's own "
        "train.py; and then the arm of these demonstrations as a world, from starts that no "
        "demonstration had. Beside it: an arm that stands still, and one that moves at random.",
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
        "… of one that stands still": _rate(story, run / "rollouts/zero", "baseline:zero"),
        "… of random moves": _rate(story, run / "rollouts/random", "baseline:random"),
    }


def _rate(story: Story, out: Path, *policy: object) -> str:
    where = ("--world", "tabletop", "--suite", SUITE, "--tasks", 0, "--trials", TRIALS)
    story.forkctl("eval", "rollout", *policy, *where, "--out", out)
    rate = json.loads((ROOT / out / "rollout.json").read_text(encoding="utf-8"))["overall"]
    low, high = (100 * rate[end] for end in ("low", "high"))
    return f"{rate['successes']} of {rate['trials']} (95 %: {low:.0f} to {high:.0f} %)"
