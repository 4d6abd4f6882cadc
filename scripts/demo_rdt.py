"""The demo of RDT: actions in metres and radians, in two representations, with tiny encoders."""

from __future__ import annotations

import json
from pathlib import Path

from chapters import farewell, lay_out, make_libero_data
from story import ROOT, Story, checkpoint_of, last_run, settings, trained

STEPS = 120
REPRESENTATIONS = ("delta", "velocity")


def tell(story: Story, fork: str) -> None:
    fork = lay_out(story, (fork,), series="rdt")
    spatial = make_libero_data(story)
    look_at_units(story, spatial)
    out = story.folder(fork)
    tiny = make_encoders(story, fork, out)
    runs = [train(story, fork, spatial, tiny, out, name) for name in REPRESENTATIONS]
    compare(story, runs)
    report = evaluate(story, fork, spatial, runs[-1], out)
    farewell(
        fork,
        look_at=report,
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
        "RDT was trained on physical units, and LIBERO's actions are none. This is what the model "
        "will see, slot by slot, and how far an action is off after the way there and back.",
    )
    for name in REPRESENTATIONS:
        story.forkctl("data", "verify-rdt", spatial, "--representation", name)


def make_encoders(story: Story, fork: str, out: Path) -> Path:
    story.chapter(
        "Encoders for two cores",
        "SigLIP and T5 of the real form with random weights: 8 MB in place of 12 GB.",
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
        # --save_steps is no flag of upstream's, as tutorials have it; forkctl knows what is meant
        own = ("--", "--save_steps", STEPS)
        story.forkctl("run", fork, config, "--profile", "cpu", "--steps", STEPS, *own)
    return trained(fork, run)


def compare(story: Story, runs: list[Path]) -> None:
    story.forkctl("runs", "list")
    story.forkctl("runs", "compare", *runs)
    story.forkctl("runs", "plot", *runs, "--metric", "loss")


def evaluate(story: Story, fork: str, spatial: Path, run: Path, out: Path) -> Path:
    story.chapter(
        "What did it learn?",
        "Its actions, back in LIBERO's form, against those of held-out demos, beside what a "
        "constant would score. So few steps teach little, and the verdicts say so.",
    )
    report = out / "openloop.html"
    words = ("eval", "openloop", fork, "--ckpt", checkpoint_of(run), "--data", spatial)
    held_out = ("--episodes", "last:1", "--max-steps", 40, "--probes", 0)
    story.forkctl(*words, "--profile", "cpu", *held_out, "--html", report)
    return report


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
