"""The smallest config that `forkctl run rdt` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def tiny_config(tiny: Path, libero: Path, **options: Any) -> dict[str, Any]:
    """A run of four steps, with a checkpoint and a sample every two."""
    return {
        "name": "tiny",
        "flags": {
            "pretrained_vision_encoder_name_or_path": str(tiny / "siglip"),
            "pretrained_text_encoder_name_or_path": str(tiny / "t5"),
            "load_from_hdf5": True,
            "dataset_type": "finetune",
            "precomp_lang_embed": True,
            "train_batch_size": 2,
            "sample_batch_size": 2,
            "num_sample_batches": 1,
            "max_train_steps": 4,
            "checkpointing_period": 2,
            "sample_period": 2,
            "learning_rate": 1e-3,
            "dataloader_num_workers": 0,
            "seed": 0,
        },
        "upstream": yaml.safe_load((tiny / "model.yaml").read_text()),
        "forkctl": {
            "dataset": "libero_spatial",
            "files": [str(libero)],
            "holdout": 1,
            **options,
        },
    }


def write_config(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config))
    return path
