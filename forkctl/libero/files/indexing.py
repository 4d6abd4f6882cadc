"""Make sure that files have a fresh index, over many processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Iterator, Optional, Sequence

from forkctl.libero.errors import LiberoError
from forkctl.libero.files.index import FileIndex, build_index, load_index, save_index
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.processes import map_in_order


@dataclass(frozen=True)
class Indexed:
    """One file's outcome: an index, which was there (`fresh`) or is new, or an error."""

    path: Path
    index: Optional[FileIndex]
    fresh: bool = False
    error: Optional[LiberoError] = None


def index_files(
    paths: Sequence[Path], *, rebuild: bool = False, workers: int = 1
) -> Iterator[Indexed]:
    """In the order of the paths. A damaged file does not stop the others."""
    work = partial(index_file, rebuild=rebuild)
    return map_in_order(work, paths, workers)


def index_file(path: Path, *, rebuild: bool = False) -> Indexed:
    found = None if rebuild else load_index(path)
    if found is not None:
        return Indexed(path, found, fresh=True)
    try:
        with DemoFile(path) as file:
            index = build_index(file)
    except LiberoError as error:
        return Indexed(path, None, error=error)
    save_index(index)
    return Indexed(path, index)
