"""Upstream's image augmentation, without TensorFlow, for batches on any device.

In order: a crop of 90 % of the area, brightness by up to 0.2, contrast and saturation by 0.8 to
1.2, hue by up to 0.05 of the circle. Each takes a number in [0, 1), the crop two. Upstream draws a
seed for each operation, and so one number for both of the crop's: crops lie on the diagonal.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import grid_sample

AREA = 0.9
# of six independent numbers, those that are the crop's up and across, brightness, contrast,
# saturation and hue
DRAWS = {
    "upstream": (0, 0, 2, 3, 4, 5),
    "tied": (0, 0, 0, 0, 0, 0),  # as upstream's dlimp drew them until May 2024
    "independent": (0, 1, 2, 3, 4, 5),
}


CENTRE = "centre"  # what a policy that saw augmented images is shown afterwards


def draw(seed: int, position: int, how: str) -> np.ndarray:
    """The numbers of one sample: a function of the run's seed and its place in the run."""
    if how == CENTRE:
        return np.full(6, 0.5, dtype=np.float32)
    numbers = np.random.default_rng((seed, position)).random(6, dtype=np.float32)
    return numbers[list(DRAWS[how])]


def augment(images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """(n, 3, size, size) uint8 and (n, 6) -> uint8."""
    up, across, bright, contrast, saturation, hue = numbers.float().unbind(1)
    values = _crop(images.float() / 255, up, across)
    values = (values + _each(0.4 * bright - 0.2)).clamp(0, 1)
    mean = values.mean(dim=(2, 3), keepdim=True)
    values = ((values - mean) * _each(0.8 + 0.4 * contrast) + mean).clamp(0, 1)
    values = _saturate(values, _each(0.8 + 0.4 * saturation)).clamp(0, 1)
    values = _turn_hue(values, (0.1 * hue - 0.05)[:, None, None]).clamp(0, 1)
    return (values * 255.5).clamp(0, 255).to(torch.uint8)  # as TensorFlow converts


def _each(numbers: torch.Tensor) -> torch.Tensor:
    return numbers[:, None, None, None]


def _crop(images: torch.Tensor, up: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    side = math.sqrt(AREA)
    height, width = images.shape[2:]
    rows = (up * (1 - side))[:, None] + side * _line(height, images)
    columns = (across * (1 - side))[:, None] + side * _line(width, images)
    grid = torch.stack(
        [
            columns[:, None, :].expand(-1, height, -1),
            rows[:, :, None].expand(-1, -1, width),
        ],
        dim=-1,
    )
    return grid_sample(images, 2 * grid - 1, "bilinear", "border", align_corners=True)


def _line(count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.linspace(0, 1, count, device=like.device)


def _saturate(values: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """In HSV, with hue and value as they are, each channel's distance from the largest one grows
    as the saturation does, which cannot exceed 1."""
    largest = values.amax(1, keepdim=True)
    chroma = largest - values.amin(1, keepdim=True)
    allowed = largest / chroma.clamp(min=1e-12)
    return largest - (largest - values) * torch.minimum(factor.expand_as(allowed), allowed)


def _turn_hue(values: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    red, green, blue = values.unbind(1)
    largest = values.amax(1)
    chroma = largest - values.amin(1)
    unit = chroma.clamp(min=1e-12)
    sixths = torch.where(
        largest == red,
        (green - blue) / unit,
        torch.where(largest == green, (blue - red) / unit + 2, (red - green) / unit + 4),
    )
    sixths = sixths + 6 * turn
    channels = []
    for offset in (5, 3, 1):
        place = (sixths + offset) % 6
        channels.append(largest - chroma * torch.minimum(place, 4 - place).clamp(0, 1))
    return torch.stack(channels, dim=1)
