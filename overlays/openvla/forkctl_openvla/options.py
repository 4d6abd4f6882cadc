"""The options that `--forkctl FILE` adds to upstream's own: a JSON file, read strictly.

What upstream has a flag for stays there: batch_size, max_steps, save_steps, learning_rate,
grad_accumulation_steps, image_aug, save_latest_checkpoint_only, lora_rank, lora_dropout,
wandb_project. `dataset_name` is the key of the statistics (the unnorm_key), `data_root_dir` is
where the files are searched if `dataset.data` names none.

Only the standard library is imported here, so that a config can be judged without torch.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple, Union, get_args, get_origin, get_type_hints

PARITY = "parity"  # pixel values as upstream's processor makes them
UINT8 = "uint8-device-normalise"  # resized in the workers, normalised on the device
RAW = "raw-device-resize"  # frames as stored; everything else on the device
IMAGE_MODES = (PARITY, UINT8, RAW)

TARGETS = {  # the names that peft knows, by the names of this file
    "all-linear": "all-linear",
    "attention": ["q_proj", "k_proj", "v_proj", "o_proj"],
}


class OptionsError(ValueError):
    """The options say something that nobody can mean."""


@dataclass(frozen=True)
class Window:
    """An action stands for `steps` steps of 20 Hz. "mean" averages them (to be executed `steps`
    times); "every" takes each `steps`-th frame with its own action, which only drops data."""

    steps: int = 1
    mode: str = "mean"

    def __post_init__(self) -> None:
        _at_least(1, self, "steps")
        _one_of(("mean", "every"), self, "mode")


@dataclass(frozen=True)
class DatasetOptions:
    """`data` are HDF5 files, or folders of them. `statistics` is "computed" (of all demos),
    "published" (of the suite that dataset_name says), or a dataset_statistics.json.

    The last `holdout` demos of each task are not trained on. `scale` multiplies the six motion
    dimensions; evaluation divides by it. `augmentation` says how the five numbers of one
    augmentation are drawn, where upstream's image_aug asks for it: upstream makes all of them
    from one random number ("tied").
    """

    data: Tuple[str, ...] = ()
    statistics: str = "computed"
    alignment: str = "auto"
    camera: str = "agentview_rgb"
    holdout: int = 0
    drop_noops: bool = False
    window: Window = field(default_factory=Window)
    scale: float = 1.0
    images: str = PARITY
    augmentation: str = "tied"
    workers: int = 2

    def __post_init__(self) -> None:
        _one_of(("auto", "raw", "aligned"), self, "alignment")
        _one_of(IMAGE_MODES, self, "images")
        _one_of(("tied", "independent"), self, "augmentation")
        _at_least(0, self, "holdout")
        _at_least(0, self, "workers")
        if not self.scale > 0:
            raise OptionsError(f"scale must be above 0, not {self.scale}")


@dataclass(frozen=True)
class TrainingOptions:
    """`max_grad_norm` 0 never clips. `lora_alpha` None is upstream's min(rank, 16).
    `lora_targets` is "all-linear", "attention" (q, k, v, o), or module names.
    `lora_fp32` keeps the LoRA weights in float32: "auto" does from a learning rate of 1e-4 down,
    where bfloat16 swallows most steps. `merge` writes merged weights at "every" save, at the
    "end", or "never". `resume` is a folder step-NNNNNN, or "auto" for the run's newest.
    """

    seed: int = 7
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = False
    lora_alpha: Optional[int] = None
    lora_targets: Union[str, Tuple[str, ...]] = "all-linear"
    lora_fp32: str = "auto"
    merge: str = "end"
    resume: Optional[str] = None
    console_every: int = 10

    def __post_init__(self) -> None:
        _one_of(("auto", "always", "never"), self, "lora_fp32")
        _one_of(("never", "end", "every"), self, "merge")
        _at_least(0, self, "max_grad_norm")
        _at_least(1, self, "console_every")
        if self.lora_alpha is not None:
            _at_least(1, self, "lora_alpha")
        if isinstance(self.lora_targets, str):
            _one_of(tuple(TARGETS), self, "lora_targets")

    def peft_targets(self) -> Any:
        if isinstance(self.lora_targets, str):
            return TARGETS[self.lora_targets]
        return list(self.lora_targets)

    def wants_fp32_lora(self, learning_rate: float) -> bool:
        if self.lora_fp32 == "auto":
            return learning_rate <= 1e-4
        return self.lora_fp32 == "always"


@dataclass(frozen=True)
class Options:
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)


def load(path: Union[str, Path]) -> Options:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise OptionsError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return parse(json.loads(text))
    except ValueError as error:  # not JSON, or an OptionsError
        raise OptionsError(f"{path}: {error}") from None


def parse(values: Mapping[str, Any]) -> Options:
    """Every key that is missing has its default; a key that is not known is an error."""
    options: Options = _parse(Options, values, "")
    return options


def to_json(options: Options) -> dict[str, Any]:
    return asdict(options)


def _parse(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise OptionsError(f"{where or 'the options'} must be an object, not {values!r}")
    types = get_type_hints(kind)
    known = {each.name for each in fields(kind)}
    for key in values:
        if key not in known:
            raise OptionsError(_unknown(f"{where}{key}", key, sorted(known), where))
    return kind(**{key: _convert(types[key], value, where + key) for key, value in values.items()})


def _unknown(full: str, key: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    meant = f"did you mean {where}{near[0]}?" if near else f"there are {', '.join(known)}"
    return f"no option {full}; {meant}"


def _convert(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _parse(kind, value, f"{where}.")
    if get_origin(kind) is Union:
        if value is None and type(None) in get_args(kind):
            return None
        inner = [each for each in get_args(kind) if each is not type(None)]
        as_list = [each for each in inner if get_origin(each) is tuple]
        plain = [each for each in inner if get_origin(each) is not tuple]
        return _convert(
            (as_list if as_list and isinstance(value, list) else plain)[0], value, where
        )
    if get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise OptionsError(f"{where} must be a list of texts, not {value!r}")
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise OptionsError(f"{where} must be {kind.__name__}, not {value!r}")
    return value


def _one_of(allowed: Tuple[str, ...], owner: Any, name: str) -> None:
    value = getattr(owner, name)
    if value not in allowed:
        raise OptionsError(f"{name} must be one of {', '.join(allowed)}; not {value!r}")


def _at_least(least: float, owner: Any, name: str) -> None:
    value = getattr(owner, name)
    if not value >= least:
        raise OptionsError(f"{name} must be at least {least}, not {value}")
