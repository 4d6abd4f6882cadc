"""A demo in memory, changed by small functions, and written to a new file.

Sources are never opened for writing: `convert` and `fix` read a demo, change this, and write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Optional

import h5py
import numpy as np
import numpy.typing as npt

from forkctl.atomic import replacing
from forkctl.errors import ForkctlError
from forkctl.libero.alignment import RAW, Pairing
from forkctl.libero.files.provenance import ATTRIBUTE, refuse_existing
from forkctl.libero.files.reader import Demo
from forkctl.libero.schema import CAMERAS

Array = npt.NDArray[Any]

_GZIP_LEVEL = 4
_OBS = "obs/"
# Recorded together with the observations, although it lies beside the actions.
_SEEN_WITH_OBS = ("robot_states",)


@dataclass(frozen=True)
class DemoContent:
    """Datasets by name (`actions`, `obs/ee_pos`), arrays read-only, and the demo's attributes."""

    name: str
    datasets: Mapping[str, Array]
    attrs: Mapping[str, Any]

    @property
    def steps(self) -> int:
        return len(self.datasets["actions"])

    def with_datasets(self, changed: Mapping[str, Array]) -> DemoContent:
        return replace(self, datasets={**self.datasets, **changed})

    def rows(self, chosen: Array) -> DemoContent:
        """These steps of every dataset."""
        return replace(self, datasets={k: values[chosen] for k, values in self.datasets.items()})


def read_demo(demo: Demo) -> DemoContent:
    names = [name for name in demo.file.children(demo.name) if name != "obs"]
    names += [_OBS + key for key in demo.obs_keys]
    return DemoContent(demo.name, {name: demo.array(name) for name in names}, demo.attrs)


def aligned(content: DemoContent, alignment: str) -> DemoContent:
    """Observation t with action t. Raw timing loses the first action and the last observation."""
    if alignment != RAW:
        return content
    pairing = Pairing(alignment, content.steps)
    if not len(pairing):
        raise ForkctlError("too short to pair observations with actions", where=content.name)
    datasets = {
        name: values[pairing.obs if is_observation(name) else pairing.actions]
        for name, values in content.datasets.items()
    }
    return replace(content, datasets=datasets)


def is_observation(name: str) -> bool:
    return name.startswith(_OBS) or name in _SEEN_WITH_OBS


def write_demos(
    target: Path,
    demos: Iterable[DemoContent],
    attrs: Mapping[str, Any],
    recipe: str,
    *,
    compress: bool = False,
) -> int:
    """Write a new file, complete or not at all; return the number of steps.

    `attrs` are those of `data`; `num_demos`, `total` and `num_samples` are counted here, wherever
    the file has attributes. `recipe` says how the file was made (see `provenance`). An existing
    target is never touched.
    """
    refuse_existing(target)
    total = count = 0
    with replacing(target) as partial, h5py.File(partial, "w") as file:
        file.attrs[ATTRIBUTE] = recipe
        data = file.create_group("data")
        for demo in demos:
            _write_demo(data.create_group(demo.name), demo, compress)
            total, count = total + demo.steps, count + 1
        data.attrs.update(attrs)
        if attrs:
            data.attrs.update({"num_demos": count, "total": total})
    return total


def _write_demo(group: h5py.Group, demo: DemoContent, compress: bool) -> None:
    for name, values in demo.datasets.items():
        filters: Dict[str, Any] = {}
        if compress and name[len(_OBS) :] in CAMERAS:
            filters = {
                "chunks": (1, *values.shape[1:]),
                "compression": "gzip",
                "compression_opts": _GZIP_LEVEL,
            }
        group.create_dataset(name, data=np.ascontiguousarray(values), **filters)
    group.attrs.update(demo.attrs)
    if demo.attrs:
        group.attrs["num_samples"] = demo.steps


def image_size_of(content: DemoContent) -> Optional[int]:
    for camera in CAMERAS:
        frames = content.datasets.get(_OBS + camera)
        if frames is not None and frames.ndim == 4:
            return int(frames.shape[1])
    return None
