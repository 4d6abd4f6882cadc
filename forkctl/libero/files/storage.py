"""Where a dataset's bytes lie in a file, and a memory map that reads them there.

A contiguous HDF5 dataset is one run of bytes at a known offset. Mapping that run skips HDF5
altogether: no path lookup, no copy, no library lock, and nothing to reopen after a fork.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import h5py
import numpy as np
import numpy.typing as npt

_ANY_SIZE = 1 << 30  # bytes
_DENSEST = 1100  # deflate packs up to 1032 bytes into one


@dataclass(frozen=True)
class DatasetExtent:
    """A run of `shape` values of `dtype` at `offset` of `file` (a link may lead to another file).

    `offset` is None where the values are compressed, in chunks or elsewhere: HDF5 must read those.
    """

    file: str
    offset: Optional[int]
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.count * np.dtype(self.dtype).itemsize


def extent_of(dataset: h5py.h5d.DatasetID, default_file: str) -> DatasetExtent:
    """The place of a dataset, opened by h5py's low-level interface (several times faster).

    One that takes numbers from any file at all, or that would fill the memory from a few bytes, is
    refused: a data file may come from anyone.
    """
    offset = dataset.get_offset()  # None for chunks, compact and external storage
    dtype = dataset.dtype
    if dtype.kind not in "iufb":
        offset = None  # strings and references are not plain numbers in the file
    file = os.fsdecode(h5py.h5f.get_name(dataset)) or default_file
    if offset is None:
        _check_source(dataset, file)
    return DatasetExtent(file=file, offset=offset, dtype=dtype.str, shape=tuple(dataset.shape))


def _check_source(dataset: h5py.h5d.DatasetID, file: str) -> None:
    made = dataset.get_create_plist()
    if made.get_external_count():
        raise ValueError("its numbers lie in a file that is not HDF5, which could be any")
    stored = dataset.get_storage_size()
    if made.get_layout() == h5py.h5d.VIRTUAL:
        sources = {made.get_virtual_filename(i) for i in range(made.get_virtual_count())}
        stored += sum(check_linked(file, source) for source in sources)
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > _ANY_SIZE and size > _DENSEST * stored:
        raise ValueError(f"{size} bytes are not packed into {stored}")


def check_links(file: h5py.File) -> None:
    """Refuse a file that leads to something that is not a file: opening a pipe waits for ever."""
    pending, seen = [file.filename], set()
    while pending:
        name = pending.pop()
        with contextlib.suppress(OSError), h5py.File(name, "r") as each:
            for target in _linked(each):
                place = os.path.realpath(Path(name).parent / target)
                if check_linked(name, target) and place not in seen:
                    seen.add(place)
                    pending.append(place)


def _linked(file: h5py.File) -> set[str]:
    found: set[str] = set()

    def note(name: bytes, info: Any) -> None:
        if info.type == h5py.h5l.TYPE_EXTERNAL:
            found.add(os.fsdecode(file.id.links.get_val(name)[0]))

    file.id.links.visit(note, info=True)
    return found


def check_linked(file: str, target: str) -> int:
    """The size of what a link in `file` leads to, or 0 where there is nothing."""
    size = 0
    for place in {Path(file).parent / target, Path(target)}:  # HDF5 looks in both
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = place.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"it links to {target}, which is not a file")
            size = max(size, status.st_size)
    return size


class MappedFile:
    """One read-only map of a whole file; arrays are views of it."""

    def __init__(self, path: str) -> None:
        with Path(path).open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._size = len(self._map)

    def array(self, extent: DatasetExtent) -> Optional[npt.NDArray[Any]]:
        """A read-only view, or None when the file ends before the extent does."""
        if extent.offset is None or extent.offset + extent.nbytes > self._size:
            return None
        flat = np.frombuffer(self._map, np.dtype(extent.dtype), extent.count, extent.offset)
        return flat.reshape(extent.shape)
