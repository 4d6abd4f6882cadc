"""The demo of OpenVLA: fine-tune a tiny one on LIBERO, and see what its loss does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chapters import course, evaluate, farewell, lay_out, make_libero_data, skills, value
from story import ROOT, Story, last_run, settings, trained

STEPS = 100
PROFILE = ("--profile", "cpu")

# The preset `paper`, as far as two cores go.
SMALL = {
    "flags.batch_size": 8,
    "flags.grad_accumulation_steps": 1,
    "flags.learning_rate": 2e-3,
    "flags.image_aug": False,
    "flags.save_steps": STEPS,
    "forkctl.dataset.workers": 0,
    "forkctl.dataset.holdout": 0,
    "forkctl.dataset.drop_noops": False,
}


def tell(story: Story, fork: str) -> None:
    fork = lay_out(story, (fork,), series="openvla")
    spatial = make_libero_data(story)
    out = story.folder(fork)
    config = configure(story, fork, spatial, out)
    finetuned = finetune(story, fork, config)
    results = compare(story, fork, finetuned)
    farewell(
        fork,
        shown=learned(finetuned, results),
        next_steps=(
            "forkctl sync openvla && forkctl apply openvla",
            "forkctl data download libero_spatial",
            "export LIBERO_DATA=$PWD/data OPENVLA_CKPT=/path/to/openvla-7b",
            "forkctl run openvla configs/openvla_libero_spatial.yaml",
        ),
    )


def configure(story: Story, fork: str, spatial: Path, out: Path) -> Path:
    story.chapter(
        "A checkpoint and a config",
        "openvla-7b is 15 GB. This one has the same form and tokens, tiny and with random weights. "
        "The config holds upstream's own flags, and upstream's own parser checks them.",
    )
    story.forkctl("env", "create", fork, *PROFILE)
    checkpoint = out / "tiny-openvla"
    if not (ROOT / checkpoint / "config.json").exists():
        maker = ("python", "-m", "forkctl.families.openvla.tiny", checkpoint)
        story.forkctl("env", "exec", fork, *PROFILE, "--", *maker)
    config = out / "finetune.yaml"
    words = ("config", fork, "libero_spatial", "--preset", "paper", "--data", spatial)
    story.forkctl(*words, "--ckpt", checkpoint, *settings(SMALL), "-o", config)
    return config


def finetune(story: Story, fork: str, config: Path) -> Path:
    story.chapter(
        "Fine-tune",
        "Upstream's own finetune.py: LoRA, one process, no TensorFlow. Its loss begins at "
        "ln 32064 = 10.4, that of a uniform guess, and falls.",
    )
    name = "libero_spatial_paper"
    if last_run(fork, name) is None:
        story.forkctl("run", fork, config, *PROFILE, "--steps", STEPS)
    run = trained(fork, name)
    story.forkctl("runs", "plot", run, "--metric", "loss")
    return run


def compare(story: Story, fork: str, finetuned: Path) -> Mapping[str, Any]:
    return evaluate(
        story,
        fork,
        finetuned,
        "So few steps begin to teach which tokens are actions, and hardly when to say which. The "
        "loss does not tell; the comparison with constants and with the base, on demos that were "
        "not trained on, does.",
        *("--base", "--max-steps", 60),
    )


def learned(run: Path, results: Mapping[str, Any]) -> dict[str, str]:
    invalid = {arm: value(results, arm, "invalid_tokens") for arm in ("fine-tuned", "base")}
    return {
        "loss": course(run),
        "tokens that are not actions": f"{invalid['fine-tuned']:.0%}, of the base's "
        f"{invalid['base']:.0%}",
        "skill on unseen demos": skills(results, "its base"),
    }
