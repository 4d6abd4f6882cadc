"""Our config for a run of RDT: upstream's flags, changes to its base.yaml, and the data."""

from __future__ import annotations

from pathlib import Path

from forkctl.configs import Config
from forkctl.errors import UsageError
from forkctl.families.rdt.units import REPRESENTATIONS
from forkctl.family import ConfigRequest

SECTIONS = ("name", "flags", "upstream", "forkctl", "language", "statistics", "processes")

HEADER = """\
# RDT on LIBERO: forkctl run rdt THIS_FILE --data ~/libero
#
# flags       go to upstream's main.py as they are; any flag that it has can stand here or after --
# upstream    changes to upstream's configs/base.yaml, in its own form
# forkctl     what upstream's flags cannot say; docs/rdt.md has all keys
# language    precomputed: a folder of <task>.pt, in place of running T5 (11 GB) once per task;
#             offload: true where the GPU has less than 24 GB
# statistics  measured: from the data; published: actions as published; or a dataset_stat.json
#
# Memory: weights, gradients, Adam's two moments and the average take 20 bytes a parameter: 24 GB
# for the 1.2 billion of RDT-1B, before any activation. Where that is too much: use_8bit_adam,
# ZeRO-2 over several processes, a smaller train_batch_size with gradient_accumulation_steps.
"""


def generate(request: ConfigRequest) -> Config:
    representation = request.choices.get("representation", REPRESENTATIONS[0])
    return {
        "name": f"{request.suite}_{representation}",
        "flags": {
            "pretrained_model_name_or_path": request.checkpoint
            or "robotics-diffusion-transformer/rdt-1b",
            "pretrained_vision_encoder_name_or_path": "google/siglip-so400m-patch14-384",
            "pretrained_text_encoder_name_or_path": "google/t5-v1_1-xxl",
            "load_from_hdf5": True,
            "dataset_type": "finetune",
            "precomp_lang_embed": True,
            "train_batch_size": 32,
            "sample_batch_size": 16,
            "max_train_steps": 150000,
            "checkpointing_period": 5000,
            "checkpoints_total_limit": 5,
            "sample_period": 1000,
            "learning_rate": 0.0001,
            "lr_scheduler": "constant",
            "mixed_precision": "bf16",
            "dataloader_num_workers": 8,
            "image_aug": True,
            "state_noise_snr": 40.0,
            "report_to": "tensorboard",
        },
        "upstream": {},
        "forkctl": {
            "dataset": request.suite,
            "files": [request.data],
            "representation": representation,
            "holdout": 5,
            "seed": 0,
        },
        "language": {"precomputed": None, "offload": False},
        "statistics": "measured",
        "processes": 1,
    }


def is_path(text: str) -> bool:
    """A file or folder, and not the name of a model on the hub."""
    return text.startswith(("/", "./", "../", "~")) or Path(text).exists()


def check_sections(config: Config) -> None:
    if strange := sorted(set(config) - set(SECTIONS)):
        raise UsageError(
            f"the config has no place for {', '.join(strange)}",
            hint=f"it has {', '.join(SECTIONS)}; upstream's flags stand below `flags`",
        )


def merged(base: Config, changes: Config) -> Config:
    """Upstream's config with changes, level by level."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result
