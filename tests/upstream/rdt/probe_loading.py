"""Run inside the fork, with torch: small questions to the overlay's hooks. Answers in JSON."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from forkctl_rdt.dataset import LiberoDataset
from forkctl_rdt.loading import seed_worker
from forkctl_rdt.metrics import SampleErrors
from forkctl_rdt.options import Options
from forkctl_rdt.training import keep_types
from train.dataset import VLAConsumerDataset

from forkctl.libero.errors import DataFileError


class Draws(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> list[float]:
        return [random.random(), float(np.random.rand()), torch.rand(()).item()]


def drawn(rank: str, *, seeded: bool) -> list[float]:
    os.environ["RANK"] = rank
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(
        Draws(), num_workers=1, worker_init_fn=seed_worker if seeded else None
    )
    return [float(number) for number in next(iter(loader))]


class Broken:
    """A data set of four whose every item fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.asked = 0

    def __len__(self) -> int:
        return 4

    def get_item(self) -> Any:
        self.asked += 1
        raise self.error


def tries(error: BaseException) -> list[Any]:
    """How often upstream's loader asks, and what it ends with."""
    loader = VLAConsumerDataset.__new__(VLAConsumerDataset)
    loader.use_hdf5 = True
    loader.hdf5_dataset = Broken(error)
    try:
        loader[2]
    except BaseException as caught:
        return [loader.hdf5_dataset.asked, type(caught).__name__, str(caught)]
    return []


def errors(demos: Path) -> dict[str, Any]:
    """Of three predictions: the truth, the mean, and five millimetres beside the truth."""
    common = {"action_chunk_size": 8, "img_history_size": 2}
    dataset = LiberoDataset(Options("spatial", (str(demos),)), common)
    actions = np.concatenate([dataset.vectors(demo)[1] for demo in range(6)])
    truth = torch.tensor(actions[None, : len(actions) // 8 * 8]).reshape(-1, 8, 128)
    mean = truth.mean((0, 1))
    beside = truth.clone()
    beside[..., 30] += 0.005
    one_process = SimpleNamespace(device="cpu", gather=lambda tensor: tensor)
    found = {}
    for name, predicted in (
        ("truth", truth),
        ("mean", mean.expand(truth.shape)),
        ("beside", beside),
    ):
        measured = SampleErrors(dataset.layout, mean.tolist())
        for half in (slice(0, 5), slice(5, None)):
            measured.add(predicted[half], truth[half])
        found[name] = measured.result(one_process)
    return found


def norm_types() -> list[str]:
    from timm.models.vision_transformer import RmsNorm

    model = torch.nn.Sequential(RmsNorm(4))
    asked = torch.ones(2, 4, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        before = model(asked).dtype
        keep_types(model)
        return [str(before), str(model(asked).dtype)]


def main() -> None:
    demos = Path(sys.argv[1])
    answers = {
        "drawn": {
            "unseeded": [drawn(rank, seeded=False) for rank in "01"],
            "seeded": [drawn(rank, seeded=True) for rank in "001"],
        },
        "tries": {
            "mistake": tries(KeyError("libero_gaol")),
            "broken file": tries(DataFileError("cannot be read", where="a.hdf5:demo_1")),
            "Ctrl-C": tries(KeyboardInterrupt()),
        },
        "errors": errors(demos),
        "norms": norm_types(),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
