"""`make demo`: the main job, end to end and small, told in the terminal.

Every step is a forkctl command that is printed before it runs, so that it can be typed again. What
is made stays under demo/; a step whose result is there is not done again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = Path("demo")
FORKCTL = Path(sys.executable).with_name("forkctl")
# Tried in this order: the release comes from the package index, so it is there without GitHub.
FORKS = ("robomimic", "robomimic-release")
PRETRAIN_STEPS = 60
FINETUNE_STEPS = 60

# Small enough for two cores: a ResNet18 and a narrow UNet on 64 px.
SMALL = {
    "train.batch_size": 16,
    "train.num_data_workers": 0,
    "train.cuda": False,
    "experiment.epoch_every_n_steps": 20,
    "experiment.save.every_n_epochs": 3,
    # upstream warms up over 500 steps, of which the demo sees the first few
    "algo.optim_params.policy.learning_rate.initial": 2e-3,
    "observation.encoder.rgb.core_kwargs.backbone_class": "ResNet18Conv",
    "observation.encoder.rgb.core_kwargs.feature_dimension": 64,
}
SMALL_DIFFUSION = {
    "algo.unet.diffusion_step_embed_dim": 32,
    "algo.unet.down_dims": [32, 64],
    "algo.unet.n_groups": 8,
}
DROID_LIKE = {
    "experiment.name": "droid_like",
    "observation.modalities.obs.rgb": [
        "varied_camera_1_left_image",
        "varied_camera_2_left_image",
    ],
    "observation.modalities.obs.low_dim": [
        "cartesian_position",
        "gripper_position",
    ],
    "observation.image_dim": [96, 96],
}
# Ten numbers in [-1, 1] as they are. The release normalises no actions and knows no such key.
DROID_LIKE_DIFFUSION = {"train.action_config": {"actions": {"normalization": None}}}
CROP = "observation.encoder.rgb.obs_randomizer_kwargs"


class Story:
    """Says what comes next, shows the command, runs it, and keeps the time."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str, text: str) -> None:
        self._chapter += 1
        seconds = time.monotonic() - self._started
        print(f"\n\033[1m{self._chapter}. {title}\033[0m  ({seconds:.0f} s)", flush=True)
        print(textwrap.fill(text, 96), flush=True)

    def forkctl(self, *words: object, must: bool = True) -> int:
        return self.run([str(FORKCTL), *map(str, words)], shown="forkctl", must=must)

    def run(self, command: Sequence[str], *, shown: str, must: bool = True) -> int:
        line = shlex.join([shown, *command[1:]])
        print(f"\n\033[36m$ {line if len(line) < 400 else line[:396] + ' ...'}\033[0m", flush=True)
        code = subprocess.run(command, cwd=ROOT).returncode
        if code and must:
            sys.exit(f"demo: the command above ended with {code}. `make demo` goes on from here.")
        return code


def settings(values: dict[str, object]) -> list[str]:
    return [
        word for key, value in values.items() for word in ("--set", f"{key}={json.dumps(value)}")
    ]


def last_checkpoint(name: str) -> Path | None:
    """The newest checkpoint of a finished run of this name."""
    runs = sorted((ROOT / "runs").glob(f"*/{name}-*/run.json"), key=lambda path: path.parent.name)
    for record in reversed(runs):
        if json.loads(record.read_text(encoding="utf-8"))["status"] == "finished":
            saved = sorted((record.parent / "checkpoints").iterdir())
            return saved[-1] if saved else None
    return None


def drop_copies() -> None:
    """v0.5.0 keeps its last state twice beside the checkpoint: 370 MB each, not needed here."""
    for copy in (ROOT / "runs").glob("robomimic/*/**/last*.pth"):
        copy.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fork", help="default: robomimic, or its release where GitHub is not reached"
    )
    wanted = parser.parse_args().fork
    story = Story()
    (ROOT / OUT).mkdir(exist_ok=True)
    fork = lay_out(story, wanted)
    spatial, droid_file = make_data(story)
    finetuned = train(story, fork, spatial, droid_file)
    evaluate(story, fork, spatial, finetuned)
    farewell(fork)


def lay_out(story: Story, wanted: str | None) -> str:
    story.chapter(
        "The fork",
        "A fork is a pinned revision, a series of patches, and overlay files. sync fetches the "
        "revision, apply puts the rest on it, as one commit each. The same everywhere, to the bit.",
    )
    for fork in (wanted,) if wanted else FORKS:
        if story.forkctl("sync", fork, must=False) == 0:
            break
        print(f"{fork} cannot be reached from here.", flush=True)
    else:
        sys.exit("demo: no upstream can be reached. It needs GitHub or a Python package index.")
    story.forkctl("apply", fork)
    story.forkctl("patches", "robomimic")
    story.forkctl("status")
    return fork


def make_data(story: Story) -> tuple[Path, Path]:
    story.chapter(
        "The data",
        "LIBERO itself is 70 GB on a hub; these files have its layout and conventions, drawn by "
        "forkctl. validate finds what would go wrong later, stats compares with published numbers.",
    )
    spatial, other = OUT / "data/libero_spatial", OUT / "data/libero_object"
    story.forkctl("data", "synth", "libero_spatial", "--tasks", 2, "--demos", 10, "--out", spatial)
    story.forkctl("data", "validate", spatial)
    story.forkctl("data", "stats", spatial)
    story.forkctl("data", "synth", "libero_object", "--tasks", 1, "--demos", 10, "--out", other)
    droid_file = OUT / "data/droid_like.hdf5"
    if not (ROOT / droid_file).exists():
        script = "scripts/droid_like.py"
        story.run([sys.executable, script, str(other), str(droid_file)], shown="python")
    return spatial, droid_file


def train(story: Story, fork: str, spatial: Path, droid_file: Path) -> Path:
    story.chapter(
        "A checkpoint from elsewhere",
        "Upstream's own train.py, in upstream's own environment, trains for a moment on data with "
        "other cameras, another image size and ten actions: what somebody brings from DROID.",
    )
    story.forkctl("env", "create", fork, "--profile", "cpu")
    release = fork == "robomimic-release"
    small = {**SMALL, **({} if release else SMALL_DIFFUSION)}
    base = OUT / "droid_like.json"
    crop = {"crop_height": 84, "crop_width": 84, "num_crops": 1, "pos_enc": False}
    crops = {CROP: crop if release else [{}, crop]}
    droid = {**small, **DROID_LIKE, **({} if release else DROID_LIKE_DIFFUSION), **crops}
    story.forkctl("config", fork, "libero_spatial", "--data", spatial, *settings(droid), "-o", base)
    if last_checkpoint("droid_like") is None:
        words = ("run", fork, base, "--data", droid_file, "--any-data", "--profile", "cpu")
        story.forkctl(*words, "--steps", PRETRAIN_STEPS)
        drop_copies()
    checkpoint = last_checkpoint("droid_like")
    if checkpoint is None:
        sys.exit("demo: the run has left no checkpoint; `forkctl runs show last` tells more")
    checkpoint = checkpoint.relative_to(ROOT)

    story.chapter(
        "Fine-tune on LIBERO",
        "The generated config takes image size and horizons from the checkpoint and maps its "
        "cameras onto LIBERO's. Before anything runs, forkctl says what will be taken over.",
    )
    finetune = OUT / "finetune.json"
    words = ("config", fork, "libero_spatial", "--data", spatial, "--ckpt", checkpoint)
    story.forkctl(*words, *settings(small), "-o", finetune)
    plan = ("ckpt", "plan", checkpoint, "--fork", fork, "--config", finetune, "--profile", "cpu")
    story.forkctl(*plan)
    print("\nWhat the well-known strict=False alone would have taken over:", flush=True)
    story.forkctl(*plan, "--plain", must=False)
    run = ("run", fork, finetune, "--profile", "cpu", "--steps", FINETUNE_STEPS)
    for name, extra in (
        ("libero_spatial_finetune", ()),
        ("from_scratch", ("--name", "from_scratch", *settings({"experiment.ckpt_path": None}))),
    ):
        if last_checkpoint(name) is None:
            story.forkctl(*run, *extra)
            drop_copies()
    story.forkctl("runs", "list")
    story.forkctl("runs", "compare", "libero_spatial_finetune", "from_scratch")
    both = ("runs", "plot", "libero_spatial_finetune", "from_scratch", "--metric", "loss")
    story.forkctl(*both)
    story.forkctl(*both, "-o", OUT / "loss.png")
    finetuned = last_checkpoint("libero_spatial_finetune")
    assert finetuned is not None
    return finetuned.relative_to(ROOT)


def evaluate(story: Story, fork: str, spatial: Path, checkpoint: Path) -> None:
    story.chapter(
        "What did it learn?",
        "Its actions against those of held-out demos, beside what a constant would score. A loss "
        "alone does not tell a policy that moves from one that stands still.",
    )
    report = OUT / "openloop.html"
    words = ("eval", "openloop", fork, "--ckpt", checkpoint, "--data", spatial, "--profile", "cpu")
    story.forkctl(*words, "--episodes", "last:1", "--max-steps", 40, "--html", report)


def farewell(fork: str) -> None:
    print(
        textwrap.dedent(f"""
        Everything of this demo is in demo/, runs/ and forks/. Look at demo/openloop.html, and at
        the patches as ordinary commits: git -C forks/{fork} log

        The real thing, with LIBERO and a checkpoint of yours:

            forkctl sync && forkctl apply
            forkctl data download libero_spatial
            export LIBERO_DATA=$PWD/data DROID_CKPT=/path/to/droid.pth
            forkctl run robomimic configs/libero_spatial_finetune.json
        """)
    )


if __name__ == "__main__":
    main()
