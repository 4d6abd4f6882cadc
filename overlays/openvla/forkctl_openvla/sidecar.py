"""`forkctl.json` in every checkpoint: what whoever runs the policy must know to run it right.

Only the standard library is imported here.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple, Union

NAME = "forkctl.json"
FORMAT = 1

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


@dataclass(frozen=True)
class Sidecar:
    """`base` is what upstream's vla_path was; `versions` name the libraries of the run."""

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
    format: int = FORMAT
    fork: str = "openvla"

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2) + "\n"
        (folder / NAME).write_text(text, encoding="utf-8")


def read(folder: Union[str, Path]) -> Sidecar:
    values = json.loads((Path(folder) / NAME).read_text(encoding="utf-8"))
    if values.get("format") != FORMAT:
        raise ValueError(f"{folder}: {NAME} is of format {values.get('format')}, not {FORMAT}")
    values["actions"] = Actions(**values["actions"])
    values["images"] = Images(**{**values["images"], "size": tuple(values["images"]["size"])})
    return Sidecar(**values)
