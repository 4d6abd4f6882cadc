"""A virtual dataset shows fill values, without a word, where the file that it points into is gone.

Nothing in HDF5 can be asked to refuse that, so every file is checked here before it is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import h5py

from forkctl.libero.errors import MissingSourceError

_HINT = "put the data back where it was, or merge the files again"


def require_sources(*datasets: h5py.Dataset) -> None:
    """Refuse datasets that point at what is no longer there; those with data of their own pass."""
    opened: dict[Path, h5py.File] = {}
    try:
        for dataset in datasets:
            _require(dataset, opened)
    finally:
        for file in opened.values():
            file.close()


def datasets_in(group: h5py.Group) -> Iterator[h5py.Dataset]:
    """All of a group and those below it, wherever links lead."""
    for child in group.values():
        if isinstance(child, h5py.Group):
            yield from datasets_in(child)
        else:
            yield child


def _require(dataset: h5py.Dataset, opened: dict[Path, h5py.File]) -> None:
    if not dataset.is_virtual:
        return
    where = f"{dataset.file.filename}:{dataset.name}"
    for source in dataset.virtual_sources():
        path = _found(source.file_name, Path(dataset.file.filename))
        if path is None:
            text = f"points into a file that is gone: {source.file_name}"
            raise MissingSourceError(text, where=where, hint=_HINT)
        try:
            if path not in opened:
                opened[path] = h5py.File(path, "r")
            there = opened[path][source.dset_name]
        except (OSError, KeyError, RuntimeError) as error:
            text = f"points at {source.dset_name} of {path}, which cannot be read: {error}"
            raise MissingSourceError(text, where=where, hint=_HINT) from error
        _, last = source.src_space.get_select_bounds()
        fits = len(last) == there.ndim and all(at < size for at, size in zip(last, there.shape))
        if not fits:
            text = f"points at more than there is in {source.dset_name} of {path}"
            raise MissingSourceError(text, where=where, hint=_HINT)
        _require(there, opened)


def _found(name: str, holder: Path) -> Path | None:
    """As HDF5 looks for it: from the file that holds the dataset, also by the last part alone."""
    if name == ".":
        return holder
    for folder in (holder.parent, holder.resolve().parent):
        for path in (folder / name, folder / Path(name).name):
            if path.is_file():
                return path
    return None
