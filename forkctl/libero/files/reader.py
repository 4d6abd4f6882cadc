"""The one reader of LIBERO HDF5 files, raw or regenerated.

    with open_demo_file(path) as file:
        for demo in file:
            for t, action in demo.pairing():          # observation index, action index
                frame = demo.frame("agentview_rgb", t)

A `DemoFile` opens nothing until it is read, can be pickled, and reopens by itself in a forked
worker. Arrays are read-only: contiguous datasets are views of a memory map. Copy one to change it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Optional, Union

import h5py
import numpy as np
import numpy.typing as npt

from forkctl.libero import alignment as align
from forkctl.libero.errors import AlignmentError, DataFileError, MissingSourceError
from forkctl.libero.files.handles import Handles
from forkctl.libero.files.index import FileIndex, load_index
from forkctl.libero.files.storage import DatasetExtent, extent_of
from forkctl.libero.suites import language_from_task, task_name_from_file

Array = npt.NDArray[Any]

# Enough demos to tell the alignment even if some of them rest.
_ALIGNMENT_SAMPLES = 5


def open_demo_file(path: Union[str, Path], *, use_index: bool = True) -> DemoFile:
    """The file at `path`; a fresh index of it (`forkctl data index`) saves opening it at all."""
    return DemoFile(path, load_index(path) if use_index else None)


class DemoFile:
    """A file of demos. `path` is absolute; `task` and `language` come from the file's name."""

    def __init__(self, path: Union[str, Path], index: Optional[FileIndex] = None) -> None:
        # Not resolved: a file in the hub's cache is a link, and only the link names the task.
        self.path = str(Path(path).absolute())
        self.index = index
        self._names: Optional[tuple[str, ...]] = None
        self._alignment: Optional[str] = None
        self._extents: dict[str, DatasetExtent] = {}
        self._handles = Handles(self.path)

    @property
    def task(self) -> str:
        return task_name_from_file(self.path)

    @property
    def language(self) -> str:
        return language_from_task(self.task)

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes of `data`; empty in the regenerated layout."""
        return dict(self.group("").attrs)

    @property
    def demo_names(self) -> tuple[str, ...]:
        """In the order of their numbers, which may have gaps."""
        if self._names is None:
            if self.index is not None:
                self._names = tuple(self.index.demos)
            else:
                self._names = numeric_order(self.group(""))
        return self._names

    def __len__(self) -> int:
        return len(self.demo_names)

    def __iter__(self) -> Iterator[Demo]:
        return (Demo(self, name) for name in self.demo_names)

    def __getitem__(self, name: str) -> Demo:
        if name not in self.demo_names:
            raise DataFileError(f"no demo {name!r}", where=self.path)
        return Demo(self, name)

    def alignment(self, wanted: str = align.AUTO) -> str:
        """`raw` or `aligned`: what was asked for, or what the file shows."""
        if wanted in align.ALIGNMENTS:
            return wanted
        if wanted != align.AUTO:
            raise AlignmentError(
                f"no alignment {wanted!r}", hint=f"one of: auto, {', '.join(align.ALIGNMENTS)}"
            )
        if self._alignment is None and self.index is not None:
            self._alignment = self.index.alignment
        if self._alignment is None:
            self._alignment = self._detect_alignment()
        return self._alignment

    def _detect_alignment(self) -> str:
        names = self.demo_names
        step = max(len(names) // _ALIGNMENT_SAMPLES, 1)
        votes = [Demo(self, name).detect_alignment() for name in names[::step]]
        found = {vote for vote in votes if vote is not None}
        if len(found) != 1:
            reason = (
                "its demos disagree"
                if found
                else "joint_states are missing, at rest, or match the states of neither step"
            )
            raise AlignmentError(
                f"cannot tell which observation goes with which action: {reason}",
                where=self.path,
                hint="say so: --alignment raw (obs[t] goes with actions[t + 1]) or aligned",
            )
        return found.pop()

    # Access by dataset name, as in "demo_0/obs/ee_pos".

    def extent(self, name: str) -> DatasetExtent:
        """Place, shape and dtype of a dataset, without reading it."""
        found = self._extents.get(name)
        if found is None and self.index is not None:
            found = self.index.extent(name)
        if found is None:
            file = self._handles.hdf5()
            try:
                dataset = h5py.h5d.open(file.id, f"data/{name}".encode())
                found = extent_of(dataset, self.path)
                if found.offset is None:
                    self._handles.require_sources(f"data/{name}")
            except (KeyError, ValueError, OSError, RuntimeError, TypeError) as error:
                raise self._unreadable(name, error) from error
        self._extents[name] = found
        return found

    def array(self, name: str) -> Array:
        """All of a dataset, read-only."""
        if np.dtype(self.extent(name).dtype).kind not in "iufb":
            raise DataFileError("holds no numbers", where=self.where(name))
        return self.rows(name, 0, None)

    def rows(self, name: str, start: int, stop: Optional[int]) -> Array:
        """`dataset[start:stop]`, read-only."""
        extent = self.extent(name)
        if not extent.shape:
            raise DataFileError("is a single value, not a series", where=self.where(name))
        if extent.offset is not None:
            mapped = self._handles.map(extent.file).array(extent)
            if mapped is None:
                raise DataFileError("the file ends within the dataset", where=self.where(name))
            return mapped[start:stop]
        try:
            self._handles.require_sources(f"data/{name}")  # the extent may come from an index
            values = np.asarray(self._handles.dataset(f"data/{name}")[start:stop])
        except (KeyError, OSError, ValueError, RuntimeError) as error:
            raise self._unreadable(name, error) from error
        values.flags.writeable = False
        return values

    def children(self, name: str) -> tuple[str, ...]:
        """What lies in a group, as in `children("demo_0/obs")`."""
        if self.index is not None:
            return self.index.children(name)
        return tuple(self.group(name))

    def is_group(self, name: str) -> bool:
        try:
            return self._handles.hdf5().get(f"data/{name}", getclass=True) is h5py.Group
        except (KeyError, OSError, ValueError, RuntimeError) as error:  # links in a circle
            raise self._unreadable(name, error) from error

    def group(self, name: str) -> h5py.Group:
        """The open HDF5 group; "" is `data` itself."""
        try:
            group = self._handles.hdf5()[f"data/{name}"]
        except (KeyError, ValueError, OSError, RuntimeError) as error:
            raise self._unreadable(name, error) from error
        if not isinstance(group, h5py.Group):
            raise DataFileError("is a dataset, not a group", where=self.where(name))
        return group

    def where(self, name: str) -> str:
        return f"{self.path}:data/{name}".rstrip("/")

    def _unreadable(self, name: str, error: Exception) -> DataFileError:
        return DataFileError(f"cannot be read: {error}", where=self.where(name))

    def close(self) -> None:
        """Let go of handles. Reading again opens them again; arrays in use stay valid."""
        self._handles.close()
        self._extents.clear()

    def __enter__(self) -> DemoFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return (DemoFile, (self.path, self.index))

    def __repr__(self) -> str:
        return f"DemoFile({self.path!r})"


class Demo:
    """One demo of a file. Holds nothing; every read goes through the file."""

    def __init__(self, file: DemoFile, name: str) -> None:
        self.file = file
        self.name = name

    @property
    def length(self) -> int:
        """Number of actions (the attribute num_samples may be absent, or wrong)."""
        name = f"{self.name}/actions"
        shape = self.file.extent(name).shape
        if not shape:
            raise DataFileError("is a single value, not a series", where=self.file.where(name))
        return shape[0]

    @property
    def attrs(self) -> Mapping[str, Any]:
        return dict(self.file.group(self.name).attrs)

    @property
    def obs_keys(self) -> tuple[str, ...]:
        return self.file.children(f"{self.name}/obs")

    def actions(self) -> Array:
        name = f"{self.name}/actions"
        if len(self.file.extent(name).shape) not in (0, 2):  # a single value has its own words
            raise DataFileError("holds no rows of numbers", where=self.file.where(name))
        return self.array("actions")

    def states(self) -> Array:
        """MuJoCo's flat state before each action."""
        return self.array("states")

    def obs(self, key: str) -> Array:
        return self.array(f"obs/{key}")

    def frame(self, camera: str, t: int) -> Array:
        """One (height, width, 3) image, upside down as LIBERO stores it."""
        image: Array = self.frames(camera, t, t + 1)[0]
        return image

    def frames(self, camera: str, start: int = 0, stop: Optional[int] = None) -> Array:
        return self.file.rows(f"{self.name}/obs/{camera}", start, stop)

    def array(self, name: str) -> Array:
        return self.file.array(f"{self.name}/{name}")

    def detect_alignment(self) -> Optional[str]:
        """What this demo shows, None when it shows nothing; the file's is `file.alignment()`."""
        try:
            return align.detect(self.obs("joint_states"), self.states())
        except MissingSourceError:
            raise
        except DataFileError:
            return None

    def pairing(self, alignment: str = align.AUTO) -> align.Pairing:
        return align.Pairing(self.file.alignment(alignment), self.length)

    def __repr__(self) -> str:
        return f"Demo({self.file.path!r}, {self.name!r})"


def numeric_order(names: Iterable[str]) -> tuple[str, ...]:
    """demo_2 before demo_10; a name without a number comes last."""

    def key(name: str) -> tuple[float, str]:
        digits = re.search(r"\d+$", name)
        return (int(digits.group()) if digits else float("inf"), name)

    return tuple(sorted(names, key=key))
