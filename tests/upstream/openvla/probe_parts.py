"""Runs in OpenVLA's environment: parts that need torch and no checkpoint."""

from __future__ import annotations

import colorsys
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from forkctl_openvla import options
from forkctl_openvla.augment import augment, draw
from forkctl_openvla.checkpoints import load_optimizer, to_resume, weights_kind
from forkctl_openvla.dataset import Positions
from forkctl_openvla.session import LiberoRun, UpstreamRun

from forkctl.errors import ForkctlError

scratch = Path(json.loads(sys.argv[1])["scratch"])
answer: dict[str, Any] = {}


def by_hand(image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """One image, pixel by pixel: (height, width, 3) uint8, as tf.image does each step."""
    up, across, bright, contrast, saturation, hue = (float(number) for number in numbers)
    values, last, side = image / 255.0, len(image) - 1, math.sqrt(0.9)
    cropped = np.zeros_like(values)
    for row, column in np.ndindex(image.shape[:2]):
        y = (up * (1 - side) + side * row / last) * last
        x = (across * (1 - side) + side * column / last) * last
        top, left = min(int(y), last - 1), min(int(x), last - 1)
        y, x = y - top, x - left
        square = values[top : top + 2, left : left + 2]
        weights = np.outer([1 - y, y], [1 - x, x])[..., None]
        cropped[row, column] = (square * weights).sum(axis=(0, 1))
    values = np.clip(cropped + 0.4 * bright - 0.2, 0, 1)
    mean = values.mean(axis=(0, 1))
    values = np.clip((values - mean) * (0.8 + 0.4 * contrast) + mean, 0, 1)
    for place in np.ndindex(image.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*values[place])
        s = min(s * (0.8 + 0.4 * saturation), 1.0)
        values[place] = colorsys.hsv_to_rgb((h + 0.1 * hue - 0.05) % 1.0, s, v)
    return np.minimum(np.floor(values * 255.5), 255)


generator = np.random.default_rng(0)
images = generator.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
images[3] = images[3, :1, :1]  # one colour, and then a grey one
images[3, 8:] = 128
numbers = generator.random((4, 6)).astype(np.float32)
made = augment(torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(numbers))
expected = np.stack([by_hand(*each) for each in zip(images, numbers, strict=True)])
apart = np.abs(made.permute(0, 2, 3, 1).numpy() - expected)
answer["augmentation"] = [float(apart.max()), float((apart > 0).mean())]
for how in ("upstream", "tied", "independent"):
    drawn = np.array([draw(1, place, how) for place in range(1000)])
    answer[how] = np.corrcoef(drawn.T).tolist()

alone = [place for batch in Positions(1, 4, 4, 0, 1) for place in batch]
pair = [list(Positions(1, 4, 2, rank, 2)) for rank in (0, 1)]
together = [place for batches in zip(*pair, strict=True) for batch in batches for place in batch]
answer["sharding"] = [together == alone, len(set(together)) == len(together)]


def moved(limit: float) -> float:
    """By one step of gradient 10 and learning rate 1."""
    cfg = SimpleNamespace(max_steps=99, save_steps=99, learning_rate=1.0)
    said = options.parse({"training": {"max_grad_norm": limit}})
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([10.0])
    LiberoRun(cfg, said, scratch).step(torch.optim.SGD([weight], lr=1.0), None, None)
    return -float(weight.detach())


answer["quantised"] = [
    weights_kind(use_lora=True, quantised=True, merge=merge, last=True)
    for merge in ("end", "every")
]
answer["clipped"] = [moved(1.0), moved(0.0)]

weight = torch.nn.Parameter(torch.zeros(1))
optimizer, plain = torch.optim.SGD([weight], lr=1.0), UpstreamRun()
asked = [plain.may_save()]
plain.step(optimizer, None, None)
answer["upstream_saves"] = [*asked, plain.may_save(), plain.may_save()]

folder = scratch / "step-000005"
(folder / "training").mkdir(parents=True)
torch.save(
    {"optimizer": optimizer.state_dict(), "identity": {"seed": 7}}, folder / "training/state.pt"
)
refused = []
for work in (
    lambda: load_optimizer(optimizer, folder, {"seed": 8}),
    lambda: to_resume(scratch, str(scratch / "nothing")),
):
    try:
        work()
    except ForkctlError as error:
        refused.append(str(error))
load_optimizer(optimizer, folder, {"seed": 7})
answer["refused"] = refused
answer["half_written"] = to_resume(scratch, "auto") is None
(folder / "forkctl.json").write_text("{}")
answer["newest"] = str(to_resume(scratch, "auto"))
print("\n" + json.dumps(answer))
