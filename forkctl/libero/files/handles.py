"""What is open of one file in this process: the HDF5 file, its datasets, memory maps."""

from __future__ import annotations

import os
from typing import Optional

import h5py

from forkctl.libero.errors import DataFileError
from forkctl.libero.files.sources import require_sources
from forkctl.libero.files.storage import MappedFile, check_linked, check_links
from forkctl.reading import reason

# A frame of a compressed dataset costs its whole chunk; HDF5's default of 1 MB holds none.
_CHUNK_CACHE_BYTES = 8 << 20
_OPEN_DATASETS = 32

_DAMAGED = "download it again if the download was cut short"
_LOCKED = (
    "close the program that has it open for writing; on a file system without locks (some network "
    "disks), export HDF5_USE_FILE_LOCKING=FALSE"
)


class Handles:
    """Opens on first use. A process that inherits handles through a fork opens its own instead."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self._file: Optional[h5py.File] = None
        self._pid = 0
        self._datasets: dict[str, h5py.Dataset] = {}
        self._maps: dict[str, MappedFile] = {}
        self._sound: set[str] = set()

    def hdf5(self) -> h5py.File:
        if self._file is None or self._pid != os.getpid():
            self.close()
            try:
                check_linked(self.path, self.path)  # itself
                self._file = h5py.File(self.path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
                check_links(self._file)
            except (OSError, ValueError, RuntimeError) as error:
                raise DataFileError(
                    f"cannot be opened as HDF5: {reason(error)}",
                    where=self.path,
                    hint=_LOCKED if "lock file" in str(error) else _DAMAGED,
                ) from error
            self._pid = os.getpid()
        return self._file

    def dataset(self, name: str) -> h5py.Dataset:
        """The most recently opened ones stay open: a lookup costs ten times as much as a read."""
        file = self.hdf5()  # first: in a forked worker this drops the parent's datasets
        found = self._datasets.get(name)
        if found is None:
            if len(self._datasets) >= _OPEN_DATASETS:
                self._datasets.pop(next(iter(self._datasets)))
            found = self._datasets[name] = file[name]
        return found

    def require_sources(self, name: str) -> None:
        """Once for each dataset while the file is open."""
        if name not in self._sound:
            require_sources(self.hdf5()[name])
            self._sound.add(name)

    def map(self, path: str) -> MappedFile:
        """Of this file, or of one that it links to. Maps are valid in every process."""
        found = self._maps.get(path)
        if found is None:
            found = self._maps[path] = MappedFile(path)
        return found

    @property
    def is_open(self) -> bool:
        return self._file is not None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._forget()
