"""From a frame as LIBERO stores it to upstream's pixel values, in the workers or on the device."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Callable, Optional, Sequence, Tuple

import cv2
import numpy as np
import torch
from PIL import Image

Size = Tuple[int, int]  # height, width

_ONE = 1 << 22  # what PIL counts weights in


def upright(frame: np.ndarray) -> np.ndarray:
    """LIBERO's frames are stored turned by 180 degrees, as OpenVLA's LIBERO data sees it."""
    turned: np.ndarray = cv2.flip(frame, -1)
    return turned


def resized(image: np.ndarray, size: Size) -> np.ndarray:
    """Antialiased Lanczos, as TensorFlow's to within one level."""
    if image.shape[:2] == size:
        return image
    shrunk = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.LANCZOS)
    return np.asarray(shrunk)


class Pixels:
    """What upstream's processor makes of an image of the model's size, by table.

    At that size the processor only scales each channel, so that 256 numbers a channel say all of
    it; they are asked of the processor itself. `exact` is False where that does not hold, and then
    the processor is called for every image.
    """

    def __init__(self, transform: Callable[[Any], torch.Tensor], size: Size) -> None:
        self._transform = transform
        ramp = np.arange(size[0] * size[1]).reshape(size) % 256
        made = self._made(np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8))
        self.table = made.reshape(len(made), -1)[:, :256].contiguous()
        noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        self.exact = torch.equal(self._by_table([noise])[0], self._made(noise))

    def of(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """n of (height, width, 3) uint8 -> (n, channels, height, width) float32."""
        if self.exact:
            return self._by_table(images)
        return torch.stack([self._made(image) for image in images])

    def on_device(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, height, width) uint8 -> (n, channels, height, width), where `images` is."""
        table = self.table.to(images.device)
        planes = [table[c][images[:, c % 3].long()] for c in range(len(table))]
        return torch.stack(planes, dim=1)

    def _made(self, image: np.ndarray) -> torch.Tensor:
        return self._transform(Image.fromarray(image))

    def _by_table(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        table = self.table.numpy()
        result = np.empty((len(images), len(table), *images[0].shape[:2]), np.float32)
        for image, planes in zip(images, result):
            colours = cv2.split(image)
            for channel, plane in enumerate(planes):
                cv2.LUT(colours[channel % 3], table[channel], dst=plane)
        return torch.from_numpy(result)


def resize_on_device(images: torch.Tensor, size: Size) -> torch.Tensor:
    """The same resampling, to the bit, for a batch (n, 3, height, width) of uint8: two matrix
    products in PIL's fixed-point numbers, rounded in between. float64 holds them exactly."""
    down = _lanczos(images.shape[2], size[0]).to(images.device)
    across = _lanczos(images.shape[3], size[1]).to(images.device)
    values = _rounded(images.double() @ across.T)
    return _rounded(down @ values).to(torch.uint8)


def _rounded(values: torch.Tensor) -> torch.Tensor:
    return torch.floor((values + _ONE / 2) / _ONE).clamp(0, 255)


@lru_cache(maxsize=8)
def _lanczos(before: int, after: int, lobes: int = 3) -> torch.Tensor:
    """(after, before): how much each old pixel counts in each new one, in parts of _ONE."""
    ratio = before / after
    stretch = max(ratio, 1.0)
    reach = lobes * stretch
    weights = np.zeros((after, before))
    for row in range(after):
        centre = (row + 0.5) * ratio
        first = max(int(centre - reach + 0.5), 0)
        last = min(int(centre + reach + 0.5), before)
        for column in range(first, last):
            weights[row, column] = _kernel((column - centre + 0.5) / stretch, lobes)
        weights[row] /= weights[row].sum()
    return torch.from_numpy(np.trunc(weights * _ONE + np.copysign(0.5, weights)))


def _kernel(x: float, lobes: int) -> float:
    if x == 0:
        return 1.0
    if abs(x) >= lobes:
        return 0.0
    turn = math.pi * x
    return lobes * math.sin(turn) * math.sin(turn / lobes) / turn**2


def finish_on_device(
    batch: dict[str, Any], pixels: Pixels, size: Size, device: torch.device
) -> Optional[torch.Tensor]:
    """The float pixel values of a batch that left the workers as uint8 (n, height, width, 3);
    None for one that is finished."""
    from forkctl_openvla.augment import augment

    frames = batch["pixel_values"]
    if frames.dtype != torch.uint8:
        return None
    images = frames.to(device, non_blocking=True).permute(0, 3, 1, 2)
    if batch.get("as_stored"):
        images = resize_on_device(images.flip(2, 3).contiguous(), size)
    if "augmentation" in batch:
        images = augment(images, batch["augmentation"].to(device))
    return pixels.on_device(images)
