"""What a run writes into the side-car of its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forkctl.inside.versions import made_by
from forkctl_openvla import options as opt
from forkctl_openvla.augment import AREA
from forkctl_openvla.dataset import LiberoDataset
from forkctl_openvla.sidecar import FULL, Actions, Images, Sidecar

_LIBRARIES = ("torch", "transformers", "peft", "timm", "tokenizers", "numpy")
# Of upstream's own options, those that a reader of a result asks for.
_UPSTREAM = (
    "learning_rate",
    "batch_size",
    "grad_accumulation_steps",
    "max_steps",
    "image_aug",
    "use_lora",
    "lora_rank",
    "lora_dropout",
    "use_quantization",
)


def describe(
    cfg: Any, options: opt.Options, data: LiberoDataset, step: int, weights: str
) -> Sidecar:
    dataset, window = options.dataset, options.dataset.window
    return Sidecar(
        step=step,
        weights=weights,
        base=_absolute(cfg.vla_path),
        adapter=None if weights == FULL else "adapter",
        actions=Actions(
            unnorm_key=data.name,
            window=window.steps,
            window_mode=window.mode,
            scale=dataset.scale,
            repeat=window.steps if window.mode == "mean" else 1,
        ),
        images=Images(
            camera=dataset.camera,
            size=data.size,
            frame=data.frame_size,
            centre_crop_area=AREA if cfg.image_aug else 1.0,
        ),
        alignment=data.samples.alignment,
        data={
            "files": sorted({demo.file.path for demo in data.samples.demos}),
            "demos": len(data.samples.demos),
            "samples": len(data.samples),
            "holdout": dataset.holdout,
            "drop_noops": dataset.drop_noops,
            "statistics": dataset.statistics,
        },
        training={
            **{name: getattr(cfg, name) for name in _UPSTREAM if hasattr(cfg, name)},
            **opt.to_json(options)["training"],
        },
        versions=made_by(*_LIBRARIES),
    )


def _absolute(path: str) -> str:
    """A folder is meant from anywhere; a name on the hub stays a name."""
    return str(Path(path).resolve()) if Path(path).exists() else path
