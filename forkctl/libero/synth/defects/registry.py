"""How a defect is described, and what the edits of files have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List

import h5py
import numpy.typing as npt

from forkctl.libero.files.provenance import ATTRIBUTE
from forkctl.libero.files.reader import numeric_order

Array = npt.NDArray[Any]
Edit = Callable[[h5py.Group], None]


@dataclass(frozen=True)
class Defect:
    """`raw_only` defects spoil attributes, or timing, that regenerated files do not have."""

    name: str
    finding: str
    spoil: Callable[[Path], None]
    raw_only: bool = False


DEFECTS: Dict[str, Defect] = {}


def defect(name: str, finding: str = "", *, raw_only: bool = False) -> Callable[[Edit], Edit]:
    """Register an edit of the open `data` group."""

    def register(edit: Edit) -> Edit:
        def on_file(path: Path) -> None:
            with h5py.File(path, "r+") as file:
                edit(file["data"])
                file.attrs.pop(ATTRIBUTE, None)  # no command makes it like this

        DEFECTS[name] = Defect(name, finding or name, on_file, raw_only)
        return edit

    return register


def demos_of(data: h5py.Group) -> List[h5py.Group]:
    return [data[name] for name in numeric_order(data)]


def one_of(data: h5py.Group) -> h5py.Group:
    """The demo that single-demo defects spoil: not the first, which a careless check might try."""
    return demos_of(data)[len(data) // 2]


def rewrite(group: h5py.Group, name: str, values: Array) -> None:
    """Replace a dataset by one of another shape or type."""
    del group[name]
    group.create_dataset(name, data=values)


def for_all(data: h5py.Group, name: str, change: Callable[[Array], Array]) -> None:
    for demo in demos_of(data):
        demo[name][...] = change(demo[name][...])
