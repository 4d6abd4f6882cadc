"""`forkctl.json` in every checkpoint: what whoever runs the policy must know to run it right.

Neither numpy nor torch is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from forkctl.inside import sidecar

ADAPTER = "adapter"  # LoRA weights in the folder `adapter`, to be put on `base`
MERGED = "merged"  # whole weights beside this file, and the adapter they were made from
FULL = "full"  # whole weights, trained without LoRA


@dataclass(frozen=True)
class Actions:
    """The policy's un-normalised action is a LIBERO action (gripper 1 = open) times `scale` in
    the first six dimensions, to be executed `repeat` times."""

    unnorm_key: str
    window: int
    window_mode: str
    scale: float
    repeat: int
    convention: str = "openvla"


@dataclass(frozen=True)
class Images:
    """How a frame as LIBERO stores it becomes the model's input. A policy that was trained on
    augmented images sees the centre crop of `centre_crop_area` at evaluation (1.0: none)."""

    camera: str
    size: Tuple[int, int]
    centre_crop_area: float
    rotate_180: bool = True
    resize: str = "lanczos"
    jpeg: bool = False  # as upstream's RLDS files, and so its evaluation, have been through one
    frame: Optional[int] = None  # pixels per side of the frames before that


@dataclass(frozen=True)
class Sidecar(sidecar.Sidecar):
    """`base` is what upstream's vla_path was; `versions` name the libraries of the run."""

    family = "openvla"

    step: int
    weights: str
    base: str
    actions: Actions
    images: Images
    alignment: Mapping[str, str]
    data: Mapping[str, Any]
    training: Mapping[str, Any]
    versions: Mapping[str, str]
    adapter: Optional[str] = None
