"""Runs in OpenVLA's environment: our batches beside upstream's own transform and collator, which
are given frames and actions that are read here with h5py alone."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import torch
from forkctl_openvla import building, dataset, options
from forkctl_openvla.images import resize_on_device
from PIL import Image
from prismatic.extern.hf.processing_prismatic import PrismaticImageProcessor
from prismatic.models.backbones.llm.prompting import PurePromptBuilder
from prismatic.util.data_utils import PaddedCollatorForActionPrediction
from prismatic.vla.action_tokenizer import ActionTokenizer
from prismatic.vla.datasets import RLDSBatchTransform
from transformers import AutoTokenizer

words = json.loads(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(words["checkpoint"])
transform = RLDSBatchTransform(
    ActionTokenizer(tokenizer),
    tokenizer,
    PrismaticImageProcessor.from_pretrained(words["checkpoint"]).apply_transform,
    PurePromptBuilder,
)
collate = PaddedCollatorForActionPrediction(tokenizer.model_max_length, tokenizer.pad_token_id)
SIZE = 64
CPU = torch.device("cpu")


def built(image_aug: bool = False, **wanted: Any) -> dataset.LiberoDataset:
    cfg = SimpleNamespace(
        data_root_dir=words["data"], dataset_name="libero_spatial", image_aug=image_aug
    )
    model = SimpleNamespace(config=SimpleNamespace(image_sizes=[SIZE, SIZE]))
    return building.build(cfg, options.parse({"dataset": wanted}), transform, model)


def batch(data: dataset.LiberoDataset, *positions: int) -> dict[str, Any]:
    return data.finished(data.__getitems__(positions), CPU)


def upstreams(data: dataset.LiberoDataset, *positions: int) -> tuple[dict[str, Any], list[Any]]:
    """What upstream makes of the same samples, and the images in between."""
    instances, images = [], []
    for position in positions:
        sample = data.sample_at(position)
        demo = data.samples.demos[data.samples.demo_of[sample]]
        step = int(data.samples.frames[sample])
        with h5py.File(demo.file.path) as file:
            frame = file[f"data/{demo.name}/obs/agentview_rgb"][step][::-1, ::-1]
            action = file[f"data/{demo.name}/actions"][step + 1]  # the raw layout
        action[6] = 1 - np.clip(action[6], 0, 1)
        entry = words["statistics"]["libero_spatial"]["action"]
        low, high = (np.array(entry[key], np.float32) for key in ("q01", "q99"))
        scaled = np.clip(
            2 * (np.float32(action) - low) / (high - low + np.float32(1e-8)) - 1, -1, 1
        )
        language = Path(demo.file.path).stem.removesuffix("_demo").replace("_", " ")
        image = Image.fromarray(np.ascontiguousarray(frame)).resize((SIZE, SIZE), Image.LANCZOS)
        images.append(np.asarray(image))
        instances.append(
            transform(
                {
                    "dataset_name": "libero_spatial",
                    "action": np.where(entry["mask"], scaled, np.float32(action))[None],
                    "observation": {"image_primary": images[-1][None]},
                    "task": {"language_instruction": language.encode()},
                }
            )
        )
    return collate(instances), images


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.float() - b.float()).abs().max())


parity = built()
places = range(24)
ours, (theirs, images) = batch(parity, *places), upstreams(parity, *places)
answer: dict[str, Any] = {
    "same": {
        key: torch.equal(ours[key], theirs[key])
        for key in ("input_ids", "labels", "attention_mask", "pixel_values")
    },
    "names": ours["dataset_names"] == theirs["dataset_names"],
    "lengths": len({len(ids[ids != tokenizer.pad_token_id]) for ids in theirs["input_ids"]}),
}

on_device = batch(built(images=options.UINT8), *places)["pixel_values"]
answer["uint8"] = torch.equal(on_device, theirs["pixel_values"])
raw = built(images=options.RAW)
unfinished = raw.__getitems__(places)["pixel_values"]
stored = unfinished.permute(0, 3, 1, 2)
for name, size in (("larger", 224), ("smaller", 48)):
    by_pil = [
        Image.fromarray(each).resize((size, size), Image.LANCZOS) for each in unfinished.numpy()
    ]
    by_us = resize_on_device(stored, (size, size)).permute(0, 2, 3, 1)
    answer[name] = apart(by_us, torch.from_numpy(np.stack([np.asarray(each) for each in by_pil])))
finished = raw.finished(raw.__getitems__(places), CPU)["pixel_values"]
answer["raw"] = torch.equal(finished, theirs["pixel_values"])

# The same batches whoever loads them.
one = list(dataset.loader(parity, dataset.Positions(3, 9, 4, 1, 2), workers=0, pin_memory=False))
two = list(dataset.loader(parity, dataset.Positions(3, 9, 4, 1, 2), workers=2, pin_memory=False))
same = [
    torch.equal(a[key], b[key])
    for a, b in zip(one, two, strict=True)
    for key in ("input_ids", "pixel_values")
]
answer["workers"] = [len(one), all(same)]
copied = pickle.loads(pickle.dumps(parity))
answer["pickled"] = torch.equal(batch(copied, *places)["pixel_values"], ours["pixel_values"])
epochs = [[parity.sample_at(e * len(parity) + i) for i in range(len(parity))] for e in (0, 1)]
answer["epochs"] = [sorted(epoch) == list(range(len(parity))) for epoch in epochs]
answer["shuffled"] = epochs[0] != epochs[1] and epochs[0] != sorted(epochs[0])

augmented, again = batch(built(image_aug=True), *places), batch(built(image_aug=True), *places)
answer["augmented"] = [
    torch.equal(augmented["pixel_values"], again["pixel_values"]),
    torch.equal(augmented["pixel_values"], ours["pixel_values"]),
    torch.equal(augmented["input_ids"], ours["input_ids"]),
]
late = batch(built(image_aug=True, images=options.UINT8), *places)["pixel_values"]
answer["augmented_late"] = torch.equal(augmented["pixel_values"], late)

answer["statistics"] = parity.dataset_statistics
answer["published"] = built(statistics="published").dataset_statistics["libero_spatial"]["action"]
held = built(window={"steps": 4, "mode": "mean"})
answer["held_statistics"] = held.dataset_statistics
answer["scaled_statistics"] = built(scale=2.0).dataset_statistics
answer["scaled_tokens"] = int(
    (batch(built(scale=2.0), *places)["labels"] - ours["labels"]).abs().max()
)
saved = Path(words["scratch"]) / "dataset_statistics.json"
saved.write_text(json.dumps(parity.dataset_statistics))
clipped = batch(built(scale=4.0, statistics=str(saved)), *places)["labels"]
answer["saturated"] = [
    float(((moves == 31999) | (moves == 31744)).float().mean())
    for moves in (clipped[clipped != -100], ours["labels"][ours["labels"] != -100])
]


def described(data: dataset.LiberoDataset) -> dict[str, Any]:
    samples = data.samples
    first = samples.demo_of == 0
    return {
        "demos": [demo.name for demo in samples.demos],
        "tasks": list(samples.tasks),
        "frames": samples.frames[first].tolist(),
        "actions": samples.actions[first].tolist(),
    }


answer["samples"] = described(parity)
numbers = [parity.sample_at(place) for place in (3, 8)]
answer["named"] = [
    parity.named([3, 8]),
    [Path(parity.samples.demos[parity.samples.demo_of[each]].file.path).name for each in numbers],
    [int(parity.samples.frames[each]) for each in numbers],
]
answer["held_out"] = described(built(holdout=2))["demos"]
answer["held"] = described(held)
answer["every"] = described(built(window={"steps": 4, "mode": "every"}))
print("\n" + json.dumps(answer, default=lambda value: value.tolist()))
