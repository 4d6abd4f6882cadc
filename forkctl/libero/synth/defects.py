"""The mistakes that LIBERO files have most often, put into a good one for validation to find."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Mapping

import h5py
import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.libero.files.provenance import ATTRIBUTE
from forkctl.libero.files.reader import numeric_order
from forkctl.libero.schema import AGENTVIEW, CAMERAS

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Defect:
    """`spoil` changes the open `data` group; `finding` is the code that validation must give."""

    finding: str
    spoil: Callable[[h5py.Group], None]


def put_in(path: Path, defect: Defect) -> None:
    """Change a finished file in place."""
    with h5py.File(path, "r+") as file:
        defect.spoil(file["data"])
        file.attrs.pop(ATTRIBUTE, None)  # no command makes it like this


def defect_named(name: str) -> Defect:
    if name not in DEFECTS:
        raise ForkctlError(f"no defect {name!r}", hint=f"one of: {', '.join(sorted(DEFECTS))}")
    return DEFECTS[name]


def demos_of(data: h5py.Group) -> List[h5py.Group]:
    return [data[name] for name in numeric_order(data)]


def one_of(data: h5py.Group) -> h5py.Group:
    """The demo that is spoilt alone: not the first, which a careless check might try."""
    return demos_of(data)[len(data) // 2]


def in_all(name: str, change: Callable[[Array], Array]) -> Callable[[h5py.Group], None]:
    def spoil(data: h5py.Group) -> None:
        for demo in demos_of(data):
            demo[name][...] = change(demo[name][...])

    return spoil


def in_frames(change: Callable[[Array], Array]) -> Callable[[h5py.Group], None]:
    def spoil(data: h5py.Group) -> None:
        for camera in CAMERAS:
            in_all(f"obs/{camera}", change)(data)

    return spoil


def in_actions(*factors: float) -> Callable[[h5py.Group], None]:
    return in_all("actions", lambda actions: actions * np.array(factors))


def _nan_action(data: h5py.Group) -> None:
    one_of(data)["actions"][5, 2] = np.nan


def _missing_actions(data: h5py.Group) -> None:
    del one_of(data)["actions"]


def _blank_frames(data: h5py.Group) -> None:
    one_of(data)[f"obs/{AGENTVIEW}"][10:20] = 0


DEFECTS: Mapping[str, Defect] = {
    "action-inverted": Defect("action-inverted", in_actions(1, -1, 1, 1, 1, 1, 1)),
    "gripper-01": Defect(
        "gripper-convention",
        in_all("actions", lambda a: np.column_stack([a[:, :6], (a[:, 6] > 0).astype(float)])),
    ),
    "gripper-inverted": Defect("gripper-inverted", in_actions(1, 1, 1, 1, 1, 1, -1)),
    "image-bgr": Defect("image-bgr", in_frames(lambda frames: frames[..., ::-1])),
    "image-blank": Defect("image-blank", _blank_frames),
    "images-rot180": Defect("image-orientation", in_frames(lambda frames: frames[:, ::-1, ::-1])),
    "images-upright": Defect("image-orientation", in_frames(lambda frames: frames[:, ::-1])),
    "metric-actions": Defect("metric-actions", in_actions(*[0.05] * 3, *[0.5] * 3, 1)),
    "missing-actions": Defect("missing-dataset", _missing_actions),
    "nan-action": Defect("non-finite", _nan_action),
}
