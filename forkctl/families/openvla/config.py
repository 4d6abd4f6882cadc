"""Our config for a run of OpenVLA: upstream's own flags, and the options that forkctl adds.

Two presets. `guide` is what a well-known guide to OpenVLA on LIBERO tells, made to work; `paper` is
what OpenVLA's authors report for LIBERO. docs/openvla.md compares them. Either for a GPU of so much
memory: as many samples a step, fewer of them at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forkctl.configs import Config
from forkctl.errors import UsageError
from forkctl.family import ConfigRequest
from forkctl.libero.suites import get_suite

GUIDE, PAPER = "guide", "paper"
PRESETS = (GUIDE, PAPER)
_AT_A_TIME = {"24": 2, "40": 4, "80": 16}  # samples, by GB of the GPU; docs/openvla.md adds it up
MEMORY = ("any", *_AT_A_TIME)
SECTIONS = ("name", "flags", "forkctl", "processes")
HOLDOUT = 5  # demos of each task that evaluation asks about; `forkctl eval openloop` takes the same
GUIDE_EPOCHS = 5
_STEPS_A_DEMO = 140  # where no set of the suite was counted
_PAPER_STEPS = {"libero_goal": 60_000, "libero_10": 80_000}  # 50,000 for the others

HEADER = """\
# OpenVLA on LIBERO: forkctl run openvla THIS_FILE --data ~/libero --ckpt ~/openvla-7b
#
# flags      go to upstream's vla-scripts/finetune.py as they are; any flag that it has can stand
#            here, or after --
# forkctl    what upstream's flags cannot say; docs/openvla.md has all keys
# processes  one for each GPU
#
# Two presets, `forkctl config openvla SUITE --preset NAME`:
#   guide  LoRA r 32, alpha 32, dropout 0.1 on q/k/v/o; 2e-5; 4 x 4 a step; 5 epochs; 5 demos of
#          each task held out
#   paper  LoRA r 32, alpha 16 on all linear layers; 5e-4; 16 x 8 a step; 50,000 to 80,000 steps;
#          all demos, without steps that do nothing
# --memory 24, 40 or 80 (GB of the GPU) makes as large a step of fewer samples at a time; that they
# fit is arithmetic, which docs/openvla.md shows. `run --gpus N` keeps the size of a step, too.
# Where the policy collapses, docs/openvla.md has the remedies.
"""

_FLAGS: dict[str, dict[str, Any]] = {
    GUIDE: {
        "batch_size": 4,
        "grad_accumulation_steps": 4,
        "learning_rate": 2e-5,
        "lora_dropout": 0.1,
        "save_steps": 2000,
    },
    PAPER: {
        "batch_size": 16,
        "grad_accumulation_steps": 8,
        "learning_rate": 5e-4,
        "lora_dropout": 0.0,
        "save_steps": 5000,
    },
}
_DATASET: dict[str, dict[str, Any]] = {
    GUIDE: {"drop_noops": False, "holdout": HOLDOUT},
    PAPER: {"drop_noops": True, "holdout": 0},
}
_TRAINING: dict[str, dict[str, Any]] = {
    GUIDE: {"lora_targets": "attention", "lora_alpha": 32},
    PAPER: {"lora_targets": "all-linear", "lora_alpha": 16},
}


def generate(request: ConfigRequest) -> Config:
    preset, memory = request.choices.get("preset", GUIDE), request.choices.get("memory", "any")
    flags = dict(_FLAGS[preset])
    samples = flags["batch_size"] * flags["grad_accumulation_steps"]
    if memory != "any":
        flags["batch_size"] = min(_AT_A_TIME[memory], samples)
        flags["grad_accumulation_steps"] = samples // flags["batch_size"]
    fitted = "" if memory == "any" else f"_{memory}gb"
    return {
        "name": f"{request.suite}_{preset}{fitted}",
        "flags": {
            "vla_path": request.checkpoint or "${OPENVLA_CKPT}",
            "dataset_name": request.suite,
            "max_steps": _steps(request, preset, samples),
            **flags,
            "image_aug": True,
            "use_lora": True,
            "lora_rank": 32,
            "save_latest_checkpoint_only": False,
            "wandb_project": "",
        },
        "forkctl": {
            "dataset": {
                "data": [request.data],
                "statistics": "computed",
                **_DATASET[preset],
                "workers": 2,
            },
            "training": {
                **_TRAINING[preset],
                "schedule": "constant",
                "warmup_steps": 0,
                "eval_steps": 0,
                "max_grad_norm": 1.0,
                "gradient_checkpointing": memory == "24",
                "merge": "end",
            },
        },
        "processes": 1,
    }


def _steps(request: ConfigRequest, preset: str, samples: int) -> int:
    suite = get_suite(request.suite)
    if preset == PAPER:
        return _PAPER_STEPS.get(suite.name, 50_000)
    total = request.facts.steps or _expected_steps(request.suite)
    return max(1, math.ceil(GUIDE_EPOCHS * total / samples))


def _expected_steps(name: str) -> int:
    """Until the data is there to be counted: the raw demos, as long as the published ones."""
    suite = get_suite(name)
    if suite.regenerated_steps is None or suite.regenerated_demos is None:
        return suite.raw_demos * _STEPS_A_DEMO
    if name == suite.regenerated_name:
        return suite.regenerated_steps
    return suite.raw_demos * suite.regenerated_steps // suite.regenerated_demos


def check_sections(config: Mapping[str, Any]) -> None:
    if strange := sorted(set(config) - set(SECTIONS)):
        raise UsageError(
            f"the config has no place for {', '.join(strange)}",
            hint=f"it has {', '.join(SECTIONS)}; upstream's flags stand below `flags`",
        )
