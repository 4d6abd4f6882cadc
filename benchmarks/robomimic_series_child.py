"""One round of robomimic_series.py, inside a fork's environment. Prints one JSON object."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

SIZES = {"backbone": "ResNet18Conv", "feature": 64, "image": 128, "crop": 116}
BATCH = 16
LOADED = 40  # batches


def main() -> None:
    words = json.loads(sys.argv[1])
    torch.set_num_threads(2)
    answers = {}
    for cache in ("low_dim", None):
        answers[f"loader samples a CPU second, cache {cache}"] = loader(words, cache)
    answers["CPU ms a step, 128 px"] = step(words, 128)
    if not words["pristine"]:
        small, large = resize(False), resize(True)
        answers["resize 128->256 CPU us a frame, bytes"] = small
        answers["resize 128->256 CPU us a frame, others"] = large
    print()
    print(json.dumps(answers))


def read(words: dict[str, Any], cache: str | None = "low_dim") -> tuple[Any, Any]:
    import robomimic.algo  # noqa: F401 - registers the encoders that a config names
    import robomimic.utils.obs_utils as obs_utils
    import robomimic.utils.train_utils as train_utils
    from robomimic.config import config_factory
    from small_config import config

    changes = {"train.hdf5_cache_mode": cache, "train.batch_size": BATCH}
    if not words["pristine"]:
        changes["observation.image_dim"] = []
    given = config(
        words["fork"],
        [Path(words["data"])],
        Path("unused"),
        changes,
        sizes=SIZES,
        pristine=words["pristine"],
    )
    made = config_factory(given["algo_name"])
    with made.values_unlocked():
        made.update(given)
    obs_utils.initialize_obs_utils_with_config(made)
    for optimizer in made.algo.optim_params.values():
        optimizer["num_train_batches"] = optimizer["num_epochs"] = 100
    made.lock()
    return made, train_utils.dataset_factory(made, obs_keys=list(made.all_obs_keys))


def loader(words: dict[str, Any], cache: str | None) -> float:
    from torch.utils.data import DataLoader, RandomSampler

    _, dataset = read(words, cache)
    torch.manual_seed(0)
    endless = RandomSampler(dataset, replacement=True, num_samples=10**7)
    batches = iter(DataLoader(dataset, batch_size=BATCH, sampler=endless))
    next(batches)
    start = time.process_time()
    for _ in range(LOADED):
        next(batches)
    return LOADED * BATCH / (time.process_time() - start)


def step(words: dict[str, Any], pixels: int) -> float:
    """One training step of a small batch, without its loading, in milliseconds."""
    from robomimic.algo import algo_factory
    from torch.utils.data import DataLoader

    config, dataset = read(words)
    shapes = {camera: [3, pixels, pixels] for camera in ("agentview_rgb", "eye_in_hand_rgb")}
    shapes.update(ee_pos=[3], ee_ori=[3], gripper_states=[2])
    torch.manual_seed(0)
    model = algo_factory(config.algo_name, config, shapes, 7, torch.device("cpu"))
    model.set_train()
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    times = []
    for number in range(words["steps"]):
        start = time.process_time()
        ready = model.process_batch_for_training(dict(batch))
        ready = model.postprocess_batch_for_training(ready, obs_normalization_stats=None)
        model.log_info(model.train_on_batch(ready, epoch=1))
        if number > 1:
            times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


def resize(fractions: bool) -> float:
    """Microseconds a frame, of frames as a training batch brings them."""
    from robomimic.forkctl_ext import resize as module

    module.IMAGE_DIM = (256, 256)
    frames = torch.randint(0, 256, (BATCH, 2, 128, 128, 3)).float() + (0.5 if fractions else 0.0)
    module.resize_to_image_dim(frames)
    start = time.process_time()
    for _ in range(10):
        module.resize_to_image_dim(frames)
    module.IMAGE_DIM = None
    return (time.process_time() - start) / (10 * BATCH * 2) * 1e6


if __name__ == "__main__":
    main()
