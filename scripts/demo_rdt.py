"""The demo of RDT: actions in metres and radians, in two representations, with tiny encoders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chapters import course, evaluate, farewell, lay_out, make_libero_data, skill, value
from story import ROOT, Story, last_run, settings, trained

STEPS = 400
REPRESENTATIONS = ("delta", "velocity")


def tell(story: Story, fork: str) -> None:
    fork = lay_out(story, (fork,), series="rdt")
    spatial = make_libero_data(story)
    look_at_units(story, spatial)
    out = story.folder(fork)
    tiny = make_encoders(story, fork, out)
    runs = [train(story, fork, spatial, tiny, out, name) for name in REPRESENTATIONS]
    compare(story, runs)
    results = measure(story, fork, runs[-1])
    farewell(
        fork,
        shown=learned(runs, results),
        next_steps=(
            "forkctl sync && forkctl apply",
            "forkctl data download libero_spatial",
            "export LIBERO_DATA=$PWD/data",
            "forkctl run rdt configs/rdt_libero_spatial.yaml",
        ),
    )


def look_at_units(story: Story, spatial: Path) -> None:
    story.chapter(
        "Metres and radians",
        "RDT was trained on physical units, which LIBERO's actions do not have. This is what the "
        "model will see, slot by slot, and the error of a conversion there and back.",
    )
    for name in REPRESENTATIONS:
        story.forkctl("data", "verify-rdt", spatial, "--representation", name)


def make_encoders(story: Story, fork: str, out: Path) -> Path:
    story.chapter(
        "Encoders for two cores",
        "SigLIP and T5 in their real form, tiny and with random weights: 8 MB in place of 12 GB.",
    )
    tiny = out / "tiny"
    story.forkctl("env", "create", fork, "--profile", "cpu")
    if not (ROOT / tiny / "model.yaml").exists():
        maker = ("python", "-m", "forkctl.families.rdt.tiny", tiny)
        story.forkctl("env", "exec", fork, "--profile", "cpu", "--", *maker)
    return tiny


def train(story: Story, fork: str, spatial: Path, tiny: Path, out: Path, name: str) -> Path:
    story.chapter(
        f"Train: {name}",
        "Upstream's own main.py, in upstream's own environment. T5 embeds each task once; "
        "statistics are measured from the data; nothing of upstream's is overwritten.",
    )
    config = out / f"{name}.yaml"
    words = ("config", fork, "libero_spatial", "--representation", name, "--data", spatial)
    story.forkctl(*words, *settings(small(tiny)), "-o", config)
    run = f"libero_spatial_{name}"
    if last_run(fork, run) is None:
        # tutorials pass --save_steps, which upstream does not have; forkctl translates it
        own = ("--", "--save_steps", STEPS)
        story.forkctl("run", fork, config, "--profile", "cpu", "--steps", STEPS, *own)
    return trained(fork, run)


def compare(story: Story, runs: list[Path]) -> None:
    story.forkctl("runs", "list")
    story.forkctl("runs", "compare", *runs)
    story.forkctl("runs", "plot", *runs, "--metric", "loss")


def measure(story: Story, fork: str, run: Path) -> Mapping[str, Any]:
    return evaluate(
        story,
        fork,
        run,
        "The actions of the velocity policy, back in LIBERO's form, against those of demos that "
        "were not trained on, beside what a constant would score. So few steps teach when to close "
        "the gripper, and hardly where to go.",
    )


def learned(runs: Sequence[Path], results: Mapping[str, Any]) -> dict[str, str]:
    gripper = value(results, "policy", "gripper_balanced", "gripper")
    named = zip(REPRESENTATIONS, runs, strict=True)
    return {f"loss, {name}": course(run) for name, run in named} | {
        f"skill on unseen demos, {REPRESENTATIONS[-1]}": skill(results),
        "gripper of the same": f"balanced accuracy {gripper:.2f}, a constant 0.50",
    }


def small(tiny: Path) -> dict[str, object]:
    changes = json.loads((ROOT / tiny / "model.yaml").read_text(encoding="utf-8"))
    flags = {
        "pretrained_model_name_or_path": None,
        "pretrained_vision_encoder_name_or_path": str(tiny / "siglip"),
        "pretrained_text_encoder_name_or_path": str(tiny / "t5"),
        "mixed_precision": "no",
        "train_batch_size": 8,
        "sample_batch_size": 4,
        "sample_period": STEPS // 2,
        "learning_rate": 1e-3,
        "dataloader_num_workers": 0,
        "image_aug": False,
    }
    changed = {f"flags.{name}": value for name, value in flags.items()}
    return changed | {"upstream": changes, "forkctl.holdout": 2}
