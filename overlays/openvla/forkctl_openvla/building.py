"""The dataset of a run, from upstream's config, the options, and upstream's own transform."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

from forkctl.libero.files.paths import find_files
from forkctl_openvla.dataset import LiberoDataset
from forkctl_openvla.images import Pixels
from forkctl_openvla.options import Options
from forkctl_openvla.samples import collect
from forkctl_openvla.statistics import entry_for
from forkctl_openvla.tokens import Prompts


def build(cfg: Any, options: Options, transform: Any, model: Any) -> LiberoDataset:
    wanted = options.dataset
    files = find_files([Path(path) for path in wanted.data or (str(cfg.data_root_dir),)])
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


def _image_size(config: Any) -> Tuple[int, int]:
    """(224, 224) for two towers, (224,) for one; they see the same image."""
    sizes = config.image_sizes
    return (int(sizes[0]), int(sizes[0]))
