"""The demo of the robomimic family: from a DROID-like checkpoint to a policy on LIBERO."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import tabletop
from chapters import evaluate, farewell, lay_out, make_libero_data, skills, value
from story import OUT, ROOT, Story, checked, checkpoint_of, last_run, losses, settings, trained

RELEASE = "robomimic-release"
PRETRAIN_STEPS = 600
FINETUNE_STEPS = 100
COMPARED = 20  # steps at the end, of which the loss is averaged
POLICY_STEPS = 2000

# For two cores: one process, a small policy, and an encoder of a few small convolutions.
SMALL = {
    "train.num_data_workers": 0,
    "train.hdf5_cache_mode": "all",
    "train.cuda": False,
    "experiment.epoch_every_n_steps": 100,
    "algo.actor_layer_dims": [256, 256],
}
ENCODER = {
    "feature_dimension": 64,
    "flatten": True,
    "backbone_class": "ShallowConv",
    "backbone_kwargs": {},
    "pool_class": "SpatialSoftmax",
    "pool_kwargs": {"num_kp": 32},
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
    "observation.encoder.rgb.core_kwargs": ENCODER,
}
# A diffusion policy, which configs/ has, needs more than minutes on two cores to show a gain.
ALGO = ("--algo", "bc")
RATES = "algo.optim_params.policy.learning_rate"
RATE = f"{RATES}.initial"
# Smaller steps at the end: otherwise how often the policy succeeds depends on the last few of them.
SETTLING = {RATE: 2e-3, f"{RATES}.decay_factor": 0.3, f"{RATES}.epoch_schedule": [16]}
# Actions are in [-1, 1] already. The release does not normalise them and has no such key.
PLAIN_ACTIONS = {"train.action_config": {"actions": {"normalization": None}}}

NO_CROPS = {"obs_randomizer_class": None, "obs_randomizer_kwargs": {}}
CONFIGS = {
    "robomimic": "configs/libero_spatial_finetune.json",
    "droid": "configs/droid/libero_spatial_finetune.json",
}


def tell(story: Story, fork: str) -> None:
    # The release comes from the package index, so it is there without GitHub.
    forks = (fork, RELEASE) if fork == "robomimic" else (fork,)
    fork = lay_out(story, forks, series="robomimic")
    spatial = make_libero_data(story)
    out = story.folder(fork)
    checkpoint = pretrain(story, fork, out)
    finetuned, scratch = finetune(story, fork, spatial, checkpoint, out)
    results = compare(story, fork, finetuned, scratch)
    success = tabletop.act(story, fork, on_states(fork), POLICY_STEPS)
    farewell(
        fork,
        shown={**transfer(finetuned, scratch, results), **success},
        next_steps=(
            "forkctl sync && forkctl apply",
            "forkctl data download libero_spatial",
            "export LIBERO_DATA=$PWD/data DROID_CKPT=/path/to/droid.pth",
            *real_run(fork),
        ),
    )


def pretrain(story: Story, fork: str, out: Path) -> Path:
    story.chapter(
        "A checkpoint from elsewhere",
        "Upstream's own train.py, in upstream's own environment, trains for a minute on data with "
        "other cameras and ten numbers in an action, as DROID's has them.",
    )
    other, droid_file = OUT / "data/libero_object", OUT / "data/droid_like.hdf5"
    synth = ("data", "synth", "libero_object", "--tasks", 4, "--demos", 8, "--image-size", 32)
    story.forkctl(*synth, "--out", other)
    if not (ROOT / droid_file).exists():
        script = "scripts/droid_like.py"
        story.run([sys.executable, script, str(other), str(droid_file)], shown="python")
    story.forkctl("env", "create", fork, "--profile", "cpu")
    config = out / "droid_like.json"
    words = ("config", fork, "libero_spatial", "--data", other, "-o", config)
    story.forkctl(*words, *ALGO, *settings(images(fork) | DROID_LIKE))
    if last_run(fork, "droid_like") is None:
        words = ("run", fork, config, "--data", droid_file, "--any-data", "--profile", "cpu")
        story.forkctl(*words, "--steps", PRETRAIN_STEPS)
    return checkpoint_of(trained(fork, "droid_like"))


def finetune(
    story: Story, fork: str, spatial: Path, checkpoint: Path, out: Path
) -> tuple[Path, Path]:
    story.chapter(
        "Fine-tune on LIBERO",
        "The generated config takes image size and encoders from the checkpoint and maps its "
        "cameras onto LIBERO's. Before anything runs, forkctl says what will be taken over.",
    )
    config = out / "finetune.json"
    words = ("config", fork, "libero_spatial", "--data", spatial, "--ckpt", checkpoint)
    story.forkctl(*words, *ALGO, *settings(images(fork)), "-o", config)
    plan = ("ckpt", "plan", checkpoint, "--fork", fork, "--config", config, "--profile", "cpu")
    story.forkctl(*plan)
    story.say("What the well-known strict=False alone would have taken over:")
    story.forkctl(*plan, "--plain", must=False)
    story.say("The same steps from that checkpoint, and from scratch:")
    run = ("run", fork, config, "--profile", "cpu", "--steps", FINETUNE_STEPS)
    from_scratch = ("--name", "from_scratch", *settings({"experiment.ckpt_path": None}))
    names = {"libero_spatial_finetune": (), "from_scratch": from_scratch}
    for name, extra in names.items():
        if last_run(fork, name) is None:
            story.forkctl(*run, *extra)
    finetuned, scratch = (trained(fork, name) for name in names)
    story.forkctl("runs", "compare", finetuned, scratch)
    story.forkctl("runs", "plot", finetuned, scratch, "--metric", "loss")
    story.forkctl("runs", "plot", finetuned, scratch, "--metric", "loss", "-o", out / "loss.png")
    return finetuned, scratch


def compare(story: Story, fork: str, finetuned: Path, scratch: Path) -> Mapping[str, Any]:
    return evaluate(
        story,
        fork,
        finetuned,
        "Both policies' actions on demos that neither has seen, beside what a constant would "
        "score. So few steps on images teach little; whether the checkpoint helped shows in the "
        "difference to the policy from scratch, which is called base here.",
        *("--base", checkpoint_of(scratch)),
    )


def transfer(finetuned: Path, scratch: Path, results: Mapping[str, Any]) -> dict[str, str]:
    """What the checkpoint was worth."""
    tuned, plain = (fmean(losses(run)[-COMPARED:]) for run in (finetuned, scratch))
    grips = [
        f"{value(results, arm, 'gripper_balanced', 'gripper'):.2f}"
        for arm in ("fine-tuned", "base")
    ]
    return {
        "taken over": checked(finetuned, "transfer"),
        f"loss after {FINETUNE_STEPS} steps": f"{tuned:.3f}, from scratch {plain:.3f}",
        "skill on unseen demos": skills(results, "from scratch"),
        "gripper on unseen demos": f"balanced accuracy {grips[0]}, from scratch {grips[1]}, "
        "a constant 0.50",
    }


def images(fork: str) -> dict[str, object]:
    """Small images, and no random crops: they cost more than so few steps can gain from them."""
    plain = {f"observation.encoder.rgb.{key}": each for key, each in NO_CROPS.items()}
    # the error that the evaluation measures
    nearest = {"algo.loss.l2_weight": 0.0, "algo.loss.l1_weight": 1.0}
    changes = SMALL | plain | nearest | {"train.batch_size": 32, RATE: 1e-3}
    return changes if fork == RELEASE else changes | PLAIN_ACTIONS


def on_states(fork: str) -> dict[str, object]:
    changes = SMALL | SETTLING
    return changes if fork == RELEASE else changes | PLAIN_ACTIONS


def real_run(fork: str) -> tuple[str, ...]:
    if fork in CONFIGS:
        return (f"forkctl run {fork} {CONFIGS[fork]}",)
    data = "--data data/libero_spatial --ckpt $DROID_CKPT"
    return (
        f"forkctl config {fork} libero_spatial {data} -o finetune.json",
        f"forkctl run {fork} finetune.json",
    )
