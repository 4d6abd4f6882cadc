"""How fast LIBERO's frames become OpenVLA's batches, beside the overlay that anyone would write.

    forkctl env exec openvla -- python benchmarks/openvla_loader.py [--data FOLDER] [--rounds 5]

The naive loader opens the file for every sample, turns and resizes the frame with PIL and hands it
to upstream's own RLDSBatchTransform and collator. Ours has three modes (docs/openvla.md); what the
last two leave to the device is not counted, as it would run there. One thread, CPU time, medians of
rounds that alternate. No augmentation: it costs all of them the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image

from forkctl.families.openvla.tiny import MEANS, STDS
from forkctl.families.openvla.tiny_tokenizer import tokenizer as make_tokenizer
from forkctl.libero.suites import SUITES, language_from_task, task_name_from_file
from forkctl.libero.synth import SynthOptions, write_task

SIDE = 224
BATCH = 16
SLOW_BATCHES = 12  # of the modes that resize; the quick one reads all frames
NAMES = ("parity", "uint8-device-normalise", "raw-device-resize")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="default: synthetic demos of 128 x 128")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        table = measure(args.data or synthetic(Path(scratch)), args.rounds)
    if args.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{'':26s} {'samples/s':>10s} {'ratio':>7s}")
    for name, row in table["rates"].items():
        print(f"{name:26s} {row:>10,.0f} {row / table['rates']['naive']:>6.1f}x")
    print(f"largest difference of an image of parity to PIL's Lanczos: {table['levels']} levels")


def synthetic(folder: Path) -> Path:
    options = SynthOptions(demos=10, image_size=128)
    for task in SUITES["libero_spatial"].tasks[:2]:
        write_task(folder, task, options)
    return folder


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    from forkctl_openvla import building, options
    from prismatic.extern.hf.processing_prismatic import PrismaticImageProcessor
    from prismatic.models.backbones.llm.prompting import PurePromptBuilder
    from prismatic.util.data_utils import PaddedCollatorForActionPrediction
    from prismatic.vla.action_tokenizer import ActionTokenizer
    from prismatic.vla.datasets import RLDSBatchTransform

    tokenizer = make_tokenizer()
    processor = PrismaticImageProcessor(  # two towers, as the 7B checkpoint has
        use_fused_vision_backbone=True,
        image_resize_strategy="resize-naive",
        input_sizes=[(3, SIDE, SIDE)] * 2,
        interpolations=["bicubic"] * 2,
        means=MEANS,
        stds=STDS,
    )
    transform = RLDSBatchTransform(
        ActionTokenizer(tokenizer), tokenizer, processor.apply_transform, PurePromptBuilder
    )
    collate = PaddedCollatorForActionPrediction(tokenizer.model_max_length, tokenizer.pad_token_id)
    cfg = SimpleNamespace(dataset_name="libero_spatial", image_aug=False)
    model = SimpleNamespace(config=SimpleNamespace(image_sizes=[SIDE, SIDE]))
    ours = {
        name: building.build(
            cfg,
            options.parse({"dataset": {"data": [str(folder)], "images": name, "alignment": "raw"}}),
            transform,
            model,
        )
        for name in NAMES
    }
    entry = ours["parity"].dataset_statistics["libero_spatial"]["action"]
    naive = Naive(sorted(folder.glob("*.hdf5")), transform, collate, entry)
    order = np.random.default_rng(0).permutation(len(naive) // BATCH * BATCH).reshape(-1, BATCH)
    batches = order.tolist()
    calls: dict[str, Callable[[Sequence[int]], Any]] = {"naive": naive.batch}
    calls |= {name: each.__getitems__ for name, each in ours.items()}
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call(batches[0])  # files are opened, frames mapped
    for _ in range(rounds):
        for name, call in calls.items():
            few = batches if name == NAMES[2] else batches[:SLOW_BATCHES]
            began = time.process_time()
            for batch in few:
                call(batch)
            rates[name].append(BATCH * len(few) / (time.process_time() - began))
    return {
        "rates": {name: statistics.median(values) for name, values in rates.items()},
        "levels": difference(ours["parity"], processor),
    }


def difference(ours: Any, processor: Any) -> float:
    """Of the resized images themselves, undoing upstream's normalisation of the first tower."""
    picked = list(range(BATCH))
    pixels = ours.__getitems__(picked)["pixel_values"][:, :3]
    mean, std = (torch.tensor(values[0])[:, None, None] for values in (MEANS, STDS))
    found = ((pixels * std + mean) * 255).round()
    worst = 0.0
    for row, position in enumerate(picked):
        sample = ours.sample_at(position)
        demo = ours.samples.demos[ours.samples.demo_of[sample]]
        frame = demo.frame("agentview_rgb", int(ours.samples.frames[sample]))
        image = np.asarray(lanczos(frame)).astype(np.float32).transpose(2, 0, 1)
        worst = max(worst, float(np.abs(found[row].numpy() - image).max()))
    return worst


def lanczos(frame: np.ndarray) -> Any:
    upright = np.ascontiguousarray(frame[::-1, ::-1])
    return Image.fromarray(upright).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


class Naive:
    """Every sample by itself, from the file."""

    def __init__(self, files: Sequence[Path], transform: Any, collate: Any, entry: Any) -> None:
        self.transform, self.collate = transform, collate
        self.low, self.high = np.array(entry["q01"]), np.array(entry["q99"])
        self.mask = np.array(entry["mask"])
        self.index = []
        for path in files:
            language = language_from_task(task_name_from_file(path))
            with h5py.File(path) as file:
                for name, demo in file["data"].items():
                    steps = len(demo["actions"]) - 1
                    self.index += [(path, name, step, language) for step in range(steps)]

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, positions: Sequence[int]) -> Any:
        return self.collate([self.sample(position) for position in positions])

    def sample(self, position: int) -> Any:
        path, name, step, language = self.index[position]
        with h5py.File(path) as file:
            demo = file[f"data/{name}"]
            frame = demo["obs/agentview_rgb"][step]
            action = demo["actions"][step + 1].astype(np.float32)
        action[6] = 1 - np.clip(action[6], 0, 1)
        scaled = np.clip(2 * (action - self.low) / (self.high - self.low + 1e-8) - 1, -1, 1)
        return self.transform(
            {
                "dataset_name": "libero_spatial",
                "action": np.where(self.mask, scaled, action)[None],
                "observation": {"image_primary": np.asarray(lanczos(frame))[None]},
                "task": {"language_instruction": language.encode()},
            }
        )


if __name__ == "__main__":
    main()
