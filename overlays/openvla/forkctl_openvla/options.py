"""The options that `--forkctl FILE` adds to upstream's own: a JSON file, read strictly.

What upstream has a flag for stays there: batch_size, max_steps, save_steps, learning_rate,
grad_accumulation_steps, image_aug, save_latest_checkpoint_only, lora_rank, lora_dropout,
wandb_project. `dataset_name` is the key of the statistics (the unnorm_key), `data_root_dir` is
where the files are searched if `dataset.data` names none.

Neither numpy nor torch is imported here, so that a config can be judged without them.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Optional, Tuple, Union

from forkctl.errors import ForkctlError
from forkctl.inside.checked import option, read

BF16, FP32 = "bf16", "fp32"
PARITY = "parity"  # pixel values as upstream's processor makes them
UINT8 = "uint8-device-normalise"  # resized in the workers, normalised on the device
RAW = "raw-device-resize"  # frames as stored; everything else on the device
IMAGE_MODES = (PARITY, UINT8, RAW)

TARGETS = {  # the names that peft knows, by the names of this file
    "all-linear": "all-linear",
    "attention": ["q_proj", "k_proj", "v_proj", "o_proj"],
}


@dataclass(frozen=True)
class Window:
    """An action stands for `steps` steps of 20 Hz. "mean" averages them (to be executed `steps`
    times); "every" takes each `steps`-th frame with its own action, which only drops data."""

    steps: int = option(1, least=1)
    mode: str = option("mean", among=("mean", "every"))


@dataclass(frozen=True)
class DatasetOptions:
    """`data` are HDF5 files, or folders of them. `statistics` is "computed" (of all demos),
    "published" (of the suite that dataset_name says), or a dataset_statistics.json.

    The last `holdout` demos of each task are not trained on. `scale` multiplies the six motion
    dimensions; evaluation divides by it. `augmentation` says how the numbers of one augmentation
    are drawn, where upstream's image_aug asks for it: one for each operation ("upstream"), one
    for all ("tied"), or one more for the crop, which has two ("independent").
    """

    data: Tuple[str, ...] = ()
    statistics: str = "computed"
    alignment: str = option("auto", among=("auto", "raw", "aligned"))
    camera: str = "agentview_rgb"
    holdout: int = option(0, least=0)
    drop_noops: bool = False
    window: Window = field(default_factory=Window)
    scale: float = option(1.0, above=0)
    images: str = option(PARITY, among=IMAGE_MODES)
    augmentation: str = option("upstream", among=("upstream", "tied", "independent"))
    workers: int = option(2, least=0)


@dataclass(frozen=True)
class TrainingOptions:
    """`max_grad_norm` 0 never clips. `lora_alpha` None is upstream's min(rank, 16).
    `lora_targets` is "all-linear", "attention" (q, k, v, o), or module names.
    `lora_fp32` keeps the LoRA weights in float32: "auto" does from a learning rate of 1e-4 down,
    where bfloat16 swallows most steps. `merge` writes merged weights at "every" save, at the
    "end", or "never". `resume` is a folder step-NNNNNN, or "auto" for the run's newest.
    `epochs` take the place of upstream's max_steps. The learning rate rises for `warmup_steps`;
    then it stays, or falls to zero by half a cosine. Every `eval_steps` steps, and at the end,
    `eval_samples` samples of the demos of `dataset.holdout` are asked about; 0 never does.
    `precision` is that of the base's weights, and of the arithmetic.
    """

    seed: int = 7
    epochs: Optional[float] = option(None, above=0)
    schedule: str = option("constant", among=("constant", "cosine"))
    warmup_steps: int = option(0, least=0)
    eval_steps: int = option(0, least=0)
    eval_samples: int = option(256, least=1)
    precision: str = option(BF16, among=(BF16, FP32))
    max_grad_norm: float = option(1.0, least=0)
    gradient_checkpointing: bool = False
    lora_alpha: Optional[int] = option(None, least=1)
    lora_targets: Union[str, Tuple[str, ...]] = option("all-linear", among=tuple(TARGETS))
    lora_fp32: str = option("auto", among=("auto", "always", "never"))
    merge: str = option("end", among=("never", "end", "every"))
    resume: Optional[str] = None
    console_every: int = option(10, least=1)

    def peft_targets(self) -> Any:
        if isinstance(self.lora_targets, str):
            return TARGETS[self.lora_targets]
        return list(self.lora_targets)

    def wants_fp32_lora(self, learning_rate: float) -> bool:
        if self.lora_fp32 == "auto":
            return learning_rate <= 1e-4
        return self.lora_fp32 == "always"

    def share_of_rate(self, step: int, of: int) -> float:
        """How much of the learning rate a step has; the first is 1, and already learns."""
        if step <= self.warmup_steps:
            return step / self.warmup_steps
        if self.schedule == "constant":
            return 1.0
        done = (step - 1 - self.warmup_steps) / (of - self.warmup_steps)
        return (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Options:
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)


def load(path: Union[str, Path]) -> Options:
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForkctlError(f"cannot be read: {error}", where=str(path)) from None
    return parse(values, f"{path}: ")


def parse(values: Any, prefix: str = "") -> Options:
    return read(Options, values, prefix)


def to_json(options: Options) -> dict[str, Any]:
    return asdict(options)
