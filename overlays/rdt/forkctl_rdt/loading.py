"""What the patched lines of upstream's loader (train/dataset.py) call."""

from __future__ import annotations

import os
import random
from argparse import Namespace
from typing import Any, Callable, Mapping

import numpy as np
import torch

from forkctl.errors import ForkctlError
from forkctl_rdt.dataset import LiberoDataset
from forkctl_rdt.epochs import StepSampler
from forkctl_rdt.plan import plan_of

_TRIES = 10


def open_dataset(loader_config: Mapping[str, Any], upstream: Callable[..., Any]) -> Any:
    plan = plan_of(loader_config)
    if plan is not None:
        return plan.dataset
    return upstream(config_path=loader_config.get("config_path", "configs/base.yaml"))


def config_file(loader_config: Mapping[str, Any], path: str) -> str:
    """The run's own file in the place of upstream's, where there is one."""
    plan = plan_of(loader_config)
    return path if plan is None else plan.options.config_file(path)


def read_item(dataset: Any, index: int) -> Any:
    """The sampler's choice counts. Upstream's dataset draws for itself."""
    return dataset.get_item(index) if isinstance(dataset, LiberoDataset) else dataset.get_item()


def stop_reading(tries: int, error: BaseException, dataset: Any, index: int) -> None:
    """Raise when another try is of no use: data that cannot be read stays so, and Ctrl-C is meant.
    Upstream's loop would go on for ever."""
    if isinstance(error, ForkctlError) or not isinstance(error, Exception):
        raise error
    if tries >= _TRIES:
        name = f"sample {index}"
        if isinstance(dataset, LiberoDataset):
            demo, step = dataset.step_of(index)
            name = f"sample {index} (step {step} of {dataset.demos[demo]!r})"
        raise RuntimeError(
            f"{_TRIES} samples in a row failed, the last one {name}: {error}"
        ) from error


def step_sampler(loader: Any, args: Namespace, processes: int) -> Any:
    """Of the data that is trained on. `loader` is upstream's data set around ours."""
    dataset = getattr(loader, "hdf5_dataset", None)  # forks have loaders of their own
    if not isinstance(dataset, LiberoDataset):
        return torch.utils.data.RandomSampler(loader)
    batch = args.train_batch_size * args.gradient_accumulation_steps * processes
    # "checkpoint-N"; `prepare` has put the name in the place of "latest"
    done = int((args.resume_from_checkpoint or "-0").rpartition("-")[2])
    return StepSampler(len(dataset), batch, dataset.options.seed, done)


def seed_worker(worker: int) -> None:
    """accelerate seeds the workers of all processes alike."""
    seed = (torch.initial_seed() + 1_000_003 * int(os.environ.get("RANK", 0))) % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
