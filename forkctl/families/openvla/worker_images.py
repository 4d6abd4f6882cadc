"""From an upright frame to the image that OpenVLA's own processor is given."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import torch
from forkctl_openvla.sidecar import Images  # type: ignore[import-not-found]
from PIL import Image

# TensorFlow's defaults, which made the RLDS files and which upstream's evaluation uses
_JPEG = {"quality": 95, "subsampling": "4:2:0"}


def prepared(frame: np.ndarray[Any, Any], images: Images) -> Any:
    """A PIL image of the model's size."""
    picture = Image.fromarray(frame)
    if images.jpeg:
        picture = _through_jpeg(picture)
    height, width = images.size
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    if images.centre_crop_area < 1:
        picture = centre_crop(picture, images.centre_crop_area)
    return picture


def _through_jpeg(picture: Any) -> Any:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", **_JPEG)
    return Image.open(buffer).convert("RGB")


def centre_crop(picture: Any, area: float) -> Any:
    """The middle `area` of the picture, at the size that it had: bilinear, corner on corner, as
    TensorFlow's crop_and_resize does it, rounded as its convert_image_dtype does."""
    values = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].double() / 255
    side = math.sqrt(area)
    height, width = values.shape[2:]
    rows = torch.linspace(-side, side, height, dtype=torch.float64)
    columns = torch.linspace(-side, side, width, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)[None]
    cropped = torch.nn.functional.grid_sample(values, grid, mode="bilinear", align_corners=True)
    levels = (cropped[0].clamp(0, 1) * 255.5).floor().clamp(0, 255)
    return Image.fromarray(levels.permute(1, 2, 0).to(torch.uint8).numpy())
