"""Many files as one: an HDF5 of a few kilobytes that points into them, for loaders that read one.

Such a loader asks every demo for `num_samples` and the file for `env_args`, and pairs observation t
with action t. So each demo here is a group of its own with those attributes and the task's
language. Aligned sources are linked. Raw ones, whose observations are a step late, become virtual
datasets without the two steps that have no partner. Neither copies a frame.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import h5py
import numpy as np

from forkctl.atomic import replacing
from forkctl.errors import ForkctlError
from forkctl.libero.alignment import AUTO, RAW
from forkctl.libero.files.attrs import file_attrs
from forkctl.libero.files.content import is_observation
from forkctl.libero.files.provenance import refuse_existing
from forkctl.libero.files.reader import Demo, DemoFile

_MASK_TRAIN, _MASK_VALID = "train", "valid"


@dataclass(frozen=True)
class MergeOptions:
    """`keep_timing` links raw demos as they are: for a loader that pairs the steps itself."""

    alignment: str = AUTO
    keep_timing: bool = False
    valid_share: float = 0.1
    seed: int = 0
    absolute: bool = False


@dataclass(frozen=True)
class MergeReport:
    demos: int
    steps: int
    train: int
    valid: int
    realigned: int
    languages: Mapping[str, str]  # task -> language


def merge(sources: Sequence[Path], target: Path, options: MergeOptions) -> MergeReport:
    """Write `target`, complete or not at all. The sources are opened for reading only."""
    refuse_existing(target)
    if not 0 <= options.valid_share < 1:
        raise ForkctlError(
            f"the share for validation must be at least 0 and below 1, not {options.valid_share}",
            hint="0.1 is usual",
        )
    with replacing(target) as partial, h5py.File(partial, "w") as out:
        return _write(out, sources, target, options)


def _write(
    out: h5py.File, sources: Sequence[Path], target: Path, options: MergeOptions
) -> MergeReport:
    data = out.create_group("data")
    rng = np.random.default_rng(options.seed)
    masks: Dict[str, List[str]] = {_MASK_TRAIN: [], _MASK_VALID: []}
    languages: Dict[str, str] = {}
    attrs: Dict[str, Any] = {}
    steps = realigned = 0
    for source in sources:
        with DemoFile(source) as file:
            raw = file.alignment(options.alignment) == RAW and not options.keep_timing
            link = _link_path(Path(file.path), target, options.absolute)
            languages[file.task] = file.language
            attrs = attrs or _file_attrs(file)
            names = []
            for demo in file:
                group = data.create_group(f"demo_{len(data)}")
                length = _add(group, demo, link, raw)
                group.attrs.update(_demo_attrs(demo, length))
                names.append(group.name.rpartition("/")[2])
                steps += length
                realigned += raw
            _split(names, options.valid_share, rng, masks)
    data.attrs.update(attrs)
    data.attrs["total"] = steps
    data.attrs["num_demos"] = len(data)
    data.attrs["languages"] = json.dumps(languages)
    for name, members in masks.items():
        if members:
            out.create_dataset(f"mask/{name}", data=np.array(members, dtype="S"))
    return MergeReport(
        demos=len(data),
        steps=steps,
        train=len(masks[_MASK_TRAIN]),
        valid=len(masks[_MASK_VALID]),
        realigned=realigned,
        languages=languages,
    )


def _link_path(source: Path, target: Path, absolute: bool) -> str:
    """Relative links survive a move of both; HDF5 resolves them from the file that holds them."""
    if absolute:
        return str(source.resolve())
    return os.path.relpath(source.resolve(), target.absolute().parent.resolve())


def _add(group: h5py.Group, demo: Demo, link: str, raw: bool) -> int:
    """Point at every dataset of the demo; returns the number of steps."""
    names = [name for name in demo.file.children(demo.name) if name != "obs"]
    names += [f"obs/{key}" for key in demo.obs_keys]
    length = demo.length - 1 if raw else demo.length
    if length < 1:
        where = demo.file.where(demo.name)
        raise ForkctlError("too short to pair observations with actions", where=where)
    for name in names:
        place = f"data/{demo.name}/{name}"
        if not raw:
            group[name] = h5py.ExternalLink(link, place)
            continue
        extent = demo.file.extent(f"{demo.name}/{name}")
        source = h5py.VirtualSource(link, place, shape=extent.shape, dtype=np.dtype(extent.dtype))
        layout = h5py.VirtualLayout((length, *extent.shape[1:]), dtype=np.dtype(extent.dtype))
        layout[:] = source[:length] if is_observation(name) else source[1:]
        # seen where a source is lost while it is read: no number is better than a zero
        fill = np.nan if layout.dtype.kind == "f" else None
        group.create_virtual_dataset(name, layout, fillvalue=fill)
    return length


def _file_attrs(file: DemoFile) -> Dict[str, Any]:
    """The first file's own, or what its name tells: loaders know one environment per file."""
    attrs = dict(file.attrs)
    if "env_args" in attrs:
        return attrs
    first = next(iter(file))
    frames = [key for key in first.obs_keys if key.endswith("_rgb")]
    size = file.extent(f"{first.name}/obs/{frames[0]}").shape[1] if frames else None
    return file_attrs(file.task, size)


def _demo_attrs(demo: Demo, length: int) -> Dict[str, Any]:
    kept = {name: value for name, value in demo.attrs.items() if name != "num_samples"}
    return {
        **kept,
        "num_samples": length,
        "task": demo.file.task,
        "language": demo.file.language,
        "source_demo": demo.name,
    }


def _split(
    names: List[str], share: float, rng: np.random.Generator, masks: Dict[str, List[str]]
) -> None:
    """Every task gives its share to validation, at least one demo, never all."""
    count = min(max(round(share * len(names)), 1), len(names) - 1) if share else 0
    chosen = set(rng.choice(len(names), size=count, replace=False).tolist()) if count > 0 else set()
    for index, name in enumerate(names):
        masks[_MASK_VALID if index in chosen else _MASK_TRAIN].append(name)
