"""The demo of the robomimic family: from a DROID-like checkpoint to a policy on LIBERO."""

from __future__ import annotations

import sys
from pathlib import Path

from chapters import farewell, lay_out, make_libero_data
from story import OUT, ROOT, Story, checkpoint_of, last_run, settings, trained

RELEASE = "robomimic-release"
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


def tell(story: Story, fork: str) -> None:
    # The release comes from the package index, so it is there without GitHub.
    forks = (fork, RELEASE) if fork == "robomimic" else (fork,)
    fork = lay_out(story, forks, series="robomimic")
    spatial = make_libero_data(story)
    out = story.folder(fork)
    checkpoint = pretrain(story, fork, out)
    finetuned = finetune(story, fork, spatial, checkpoint, out)
    report = evaluate(story, fork, spatial, finetuned, out)
    config = "configs/libero_spatial_finetune.json"
    if fork == "droid":
        config = "configs/droid/libero_spatial_finetune.json"
    farewell(
        fork,
        look_at=report,
        next_steps=(
            "forkctl sync && forkctl apply",
            "forkctl data download libero_spatial",
            "export LIBERO_DATA=$PWD/data DROID_CKPT=/path/to/droid.pth",
            f"forkctl run {fork} {config}",
        ),
    )


def pretrain(story: Story, fork: str, out: Path) -> Path:
    story.chapter(
        "A checkpoint from elsewhere",
        "Upstream's own train.py, in upstream's own environment, trains for a moment on data with "
        "other cameras, another image size and ten actions: what somebody brings from DROID.",
    )
    other, droid_file = OUT / "data/libero_object", OUT / "data/droid_like.hdf5"
    story.forkctl("data", "synth", "libero_object", "--tasks", 1, "--demos", 4, "--out", other)
    if not (ROOT / droid_file).exists():
        script = "scripts/droid_like.py"
        story.run([sys.executable, script, str(other), str(droid_file)], shown="python")
    story.forkctl("env", "create", fork, "--profile", "cpu")
    config = out / "droid_like.json"
    words = ("config", fork, "libero_spatial", "--data", other, "-o", config)
    story.forkctl(*words, *settings(small(fork) | droid_like(fork)))
    if last_run(fork, "droid_like") is None:
        words = ("run", fork, config, "--data", droid_file, "--any-data", "--profile", "cpu")
        story.forkctl(*words, "--steps", PRETRAIN_STEPS)
        drop_copies(fork)
    return checkpoint_of(trained(fork, "droid_like"))


def finetune(story: Story, fork: str, spatial: Path, checkpoint: Path, out: Path) -> Path:
    story.chapter(
        "Fine-tune on LIBERO",
        "The generated config takes image size and horizons from the checkpoint and maps its "
        "cameras onto LIBERO's. Before anything runs, forkctl says what will be taken over.",
    )
    config = out / "finetune.json"
    words = ("config", fork, "libero_spatial", "--data", spatial, "--ckpt", checkpoint)
    story.forkctl(*words, *settings(small(fork)), "-o", config)
    plan = ("ckpt", "plan", checkpoint, "--fork", fork, "--config", config, "--profile", "cpu")
    story.forkctl(*plan)
    story.say("What the well-known strict=False alone would have taken over:")
    story.forkctl(*plan, "--plain", must=False)
    run = ("run", fork, config, "--profile", "cpu", "--steps", FINETUNE_STEPS)
    # its curve is all that is wanted of the second
    from_scratch = settings({"experiment.ckpt_path": None, "experiment.save.enabled": False})
    for name, extra in (
        ("libero_spatial_finetune", ()),
        ("from_scratch", ("--name", "from_scratch", *from_scratch)),
    ):
        if last_run(fork, name) is None:
            story.forkctl(*run, *extra)
            drop_copies(fork)
    both = trained(fork, "libero_spatial_finetune"), trained(fork, "from_scratch")
    story.forkctl("runs", "list")
    story.forkctl("runs", "compare", *both)
    story.forkctl("runs", "plot", *both, "--metric", "loss")
    story.forkctl("runs", "plot", *both, "--metric", "loss", "-o", out / "loss.png")
    return checkpoint_of(both[0])


def evaluate(story: Story, fork: str, spatial: Path, checkpoint: Path, out: Path) -> Path:
    story.chapter(
        "What did it learn?",
        "Its actions against those of held-out demos, beside what a constant would score. A loss "
        "alone does not tell a policy that moves from one that stands still.",
    )
    report = out / "openloop.html"
    words = ("eval", "openloop", fork, "--ckpt", checkpoint, "--data", spatial, "--profile", "cpu")
    story.forkctl(*words, "--episodes", "last:1", "--max-steps", 40, "--html", report)
    return report


def small(fork: str) -> dict[str, object]:
    return SMALL if fork == RELEASE else SMALL | SMALL_DIFFUSION


def droid_like(fork: str) -> dict[str, object]:
    crop = {"crop_height": 84, "crop_width": 84, "num_crops": 1, "pos_enc": False}
    if fork == RELEASE:
        return DROID_LIKE | {CROP: crop}
    return DROID_LIKE | DROID_LIKE_DIFFUSION | {CROP: [{}, crop]}


def drop_copies(fork: str) -> None:
    """v0.5.0 keeps its last state twice beside the checkpoint: 370 MB each, not needed here."""
    for copy in (ROOT / "runs" / fork).glob("*/**/last*.pth"):
        copy.unlink()
