"""The dataset of a run, from upstream's config, the options, and upstream's own transform."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List, Tuple

from forkctl.errors import ForkctlError
from forkctl.libero.files.paths import find_files
from forkctl_openvla.augment import CENTRE
from forkctl_openvla.dataset import LiberoDataset
from forkctl_openvla.images import Pixels
from forkctl_openvla.options import Options
from forkctl_openvla.samples import collect
from forkctl_openvla.statistics import entry_for
from forkctl_openvla.tokens import Prompts


def build(cfg: Any, options: Options, transform: Any, model: Any) -> LiberoDataset:
    wanted = options.dataset
    files = _files(cfg, options)
    tokenizer = transform.base_tokenizer
    samples = collect(wanted, files)
    size = _image_size(model.config)
    return LiberoDataset(
        samples,
        {cfg.dataset_name: entry_for(wanted, files, cfg.dataset_name)},
        Prompts(transform, samples.tasks, tokenizer.pad_token_id, tokenizer.model_max_length),
        Pixels(transform.image_transform, size),
        size,
        wanted,
        image_aug=cfg.image_aug,
        seed=options.training.seed,
    )


def build_held_out(cfg: Any, options: Options, trained_on: LiberoDataset) -> LiberoDataset:
    """The demos that are not trained on, normalised and tokenised as those that are."""
    if not options.dataset.holdout:
        raise ForkctlError(
            "eval_steps asks about held-out demos, and none is held out",
            where="training.eval_steps",
            hint="set dataset.holdout to a number of demos of each task, or eval_steps to 0",
        )
    wanted = replace(options.dataset, augmentation=CENTRE)
    return trained_on.of(collect(wanted, _files(cfg, options), held_out=True), wanted)


def _files(cfg: Any, options: Options) -> List[Path]:
    return find_files([Path(path) for path in options.dataset.data or (str(cfg.data_root_dir),)])


def _image_size(config: Any) -> Tuple[int, int]:
    """(224, 224) for two towers, (224,) for one; they see the same image."""
    sizes = config.image_sizes
    return (int(sizes[0]), int(sizes[0]))
