"""One pass over a file: what the checks look at, and what reading it finds.

Low-dimensional arrays are kept whole; of every frame a coarse grid of pixels is kept, so that a
file of 600 MB leaves about 40 MB, and yet no frame is left unread.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.libero import alignment as align
from forkctl.libero.files.provenance import is_resampled
from forkctl.libero.files.reader import Demo, DemoFile
from forkctl.libero.schema import DEMO_DATASETS, FRAME_OBS, LOW_DIM_OBS, DatasetSpec
from forkctl.libero.validation.findings import Finding

Array = npt.NDArray[Any]

_GRID = 32  # frames are kept at about this many pixels per side
_FRAMES_AT_ONCE = 32
_DEMO_NAME = re.compile(r"demo_\d+")
# The best that deflate can do; a dataset that claims more is a damaged header, not data.
_MOST_COMPRESSION = 1040
# What h5py raises on damaged files, depending on where the damage is.
_READ_ERRORS = (ForkctlError, OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError)


@dataclass(frozen=True)
class DemoEvidence:
    """Arrays by name (`actions`, `obs/ee_pos`) that could be read and have the right form."""

    name: str
    arrays: Mapping[str, Array]
    grids: Mapping[str, Array]  # camera -> (T, about 32, about 32, 3) uint8
    image_shapes: Mapping[str, Tuple[int, ...]]  # camera -> (height, width)
    attrs: Mapping[str, Any]
    resampled: bool = False  # by `data convert --hz`: each action stands for several steps

    @property
    def actions(self) -> Optional[Array]:
        return self.arrays.get("actions")

    def obs(self, key: str) -> Optional[Array]:
        return self.arrays.get(f"obs/{key}")

    def alignment(self) -> Optional[str]:
        joints, states = self.obs("joint_states"), self.arrays.get("states")
        return None if joints is None or states is None else align.detect(joints, states)


@dataclass(frozen=True)
class FileEvidence:
    task: str
    language: str
    attrs: Mapping[str, Any]
    names: Tuple[str, ...]  # of demos, readable or not
    demos: Tuple[DemoEvidence, ...]


def alignment_of(file: FileEvidence) -> Optional[str]:
    """What all demos that show an alignment agree on."""
    votes = {demo.alignment() for demo in file.demos} - {None}
    return votes.pop() if len(votes) == 1 else None


def gather(file: DemoFile, findings: List[Finding], *, images: bool = True) -> FileEvidence:
    """Read the whole file; what cannot be read becomes a finding and is left out."""
    members = file.demo_names
    names = tuple(name for name in members if _is_demo(file, name))
    for name in sorted(set(members) - set(names)):
        if _DEMO_NAME.fullmatch(name):
            findings.append(Finding("unreadable-dataset", "named as a demo, and is no group", name))
        else:
            findings.append(Finding("unexpected-member", "not a group named demo_<number>", name))
    if not names:
        findings.append(Finding("no-demos", "`data` holds no demo"))
    demos = []
    for name in names:
        try:
            demos.append(_gather_demo(file[name], findings, images))
        except _READ_ERRORS as error:
            findings.append(Finding("unreadable-dataset", _one_line(error), name))
    return FileEvidence(file.task, file.language, _attrs(file, "", findings), names, tuple(demos))


def _is_demo(file: DemoFile, name: str) -> bool:
    try:
        return bool(_DEMO_NAME.fullmatch(name)) and file.is_group(name)
    except _READ_ERRORS:
        return False


def _gather_demo(demo: Demo, findings: List[Finding], images: bool) -> DemoEvidence:
    arrays: Dict[str, Array] = {}
    grids: Dict[str, Array] = {}
    shapes: Dict[str, Tuple[int, ...]] = {}
    length: Optional[int] = None
    for name, spec in _specs(images):
        where = f"{demo.name}/{name}"
        shape = _checked_shape(demo, name, spec, where, findings)
        if shape is None:
            continue
        length = shape[0] if length is None else length
        if shape[0] != length:
            detail = f"{shape[0]} steps where actions have {length}"
            findings.append(Finding("length-mismatch", detail, where))
            continue
        try:
            if spec in FRAME_OBS:
                grids[spec.name] = _read_grid(demo, name, shape)
                shapes[spec.name] = shape[1:3]
            else:
                # a copy: the checks may run after the file is closed
                arrays[name] = np.array(demo.array(name), dtype=np.float64)
        except _READ_ERRORS as error:
            findings.append(Finding("unreadable-dataset", _one_line(error), where))
    attrs = _attrs(demo.file, demo.name, findings)
    return DemoEvidence(demo.name, arrays, grids, shapes, attrs, _is_resampled(demo))


def _is_resampled(demo: Demo) -> bool:
    try:  # in a merged file the dataset is a link
        return is_resampled(demo.file.group(demo.name)["actions"].file)
    except _READ_ERRORS:
        return False


def _specs(images: bool) -> Iterator[Tuple[str, DatasetSpec]]:
    for spec in DEMO_DATASETS:
        yield spec.name, spec
    for spec in LOW_DIM_OBS + (FRAME_OBS if images else ()):
        yield f"obs/{spec.name}", spec


def _checked_shape(
    demo: Demo, name: str, spec: DatasetSpec, where: str, findings: List[Finding]
) -> Optional[Tuple[int, ...]]:
    """The dataset's shape if it can be used, else None and a finding."""
    parent, _, last = f"{demo.name}/{name}".rpartition("/")
    try:
        present = last in demo.file.children(parent)
    except ForkctlError:
        present = False
    if not present:
        findings.append(Finding("missing-dataset", "not in the file", where))
        return None
    try:
        if demo.file.is_group(where):
            raise ValueError("is a group, not a dataset")
        extent = demo.file.extent(where)
        if extent.offset is None and extent.nbytes > _most_bytes(demo.file, where):
            raise ValueError(f"shape {extent.shape} is more than the file can hold")
    except _READ_ERRORS as error:
        findings.append(Finding("unreadable-dataset", _one_line(error), where))
        return None
    if not _fits(extent.shape, spec):
        wanted = ", ".join(["T", *("?" if n is None else str(n) for n in spec.shape)])
        detail = f"{extent.shape} where ({wanted}) is expected"
        findings.append(Finding("wrong-shape", detail, where))
        return None
    if np.dtype(extent.dtype).name not in spec.dtypes:
        detail = f"{np.dtype(extent.dtype).name} where {' or '.join(spec.dtypes)} is expected"
        findings.append(Finding("wrong-dtype", detail, where))
        return None
    return extent.shape


def _fits(shape: Tuple[int, ...], spec: DatasetSpec) -> bool:
    return (
        len(shape) == 1 + len(spec.shape)
        and shape[0] > 0
        and all(want in (None, have) for want, have in zip(spec.shape, shape[1:]))
        and all(shape)
    )


def _most_bytes(file: DemoFile, where: str) -> int:
    dataset = file.group(where.rpartition("/")[0])[where.rpartition("/")[2]]
    if dataset.chunks is None:  # virtual: its values lie in other files
        return sys.maxsize
    return int(dataset.id.get_storage_size()) * _MOST_COMPRESSION + 1024


def _read_grid(demo: Demo, name: str, shape: Tuple[int, ...]) -> Array:
    """Every frame is read; of each, every n-th row and column is kept."""
    down, across = max(shape[1] // _GRID, 1), max(shape[2] // _GRID, 1)
    parts = []
    for start in range(0, shape[0], _FRAMES_AT_ONCE):
        frames = demo.file.rows(f"{demo.name}/{name}", start, start + _FRAMES_AT_ONCE)
        parts.append(np.array(frames[:, ::down, ::across]))
    return np.concatenate(parts)


def _attrs(file: DemoFile, name: str, findings: List[Finding]) -> Mapping[str, Any]:
    try:
        group = file.group(name)
        listed = list(group.attrs)
    except _READ_ERRORS as error:
        findings.append(Finding("attr-invalid", _one_line(error), name))
        return {}
    attrs: Dict[str, Any] = {}
    for key in listed:
        try:
            attrs[key] = group.attrs[key]
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            findings.append(Finding("attr-invalid", f"{key}: {_one_line(error)}", name))
    return attrs


def _one_line(error: BaseException) -> str:
    text = error.message if isinstance(error, ForkctlError) else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
