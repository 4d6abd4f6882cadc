"""Build indexes, and make sure that files have a fresh one, over many processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Iterator, Optional, Sequence

from forkctl.errors import ForkctlError
from forkctl.libero.errors import AlignmentError
from forkctl.libero.files.index import FileIndex, fingerprint_of, load_index, save_index
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.files.storage import DatasetExtent
from forkctl.libero.parallel import map_in_order


@dataclass(frozen=True)
class Indexed:
    """One file's outcome: an index, which was there already (`fresh`) or is new, or an error."""

    path: Path
    index: Optional[FileIndex]
    fresh: bool = False
    error: Optional[ForkctlError] = None


def index_files(
    paths: Sequence[Path], *, rebuild: bool = False, jobs: int = 1
) -> Iterator[Indexed]:
    """In the order of the paths. A damaged file does not stop the others."""
    work = partial(index_file, rebuild=rebuild)
    return map_in_order(work, paths, jobs)


def index_file(path: Path, *, rebuild: bool = False) -> Indexed:
    found = None if rebuild else load_index(path)
    if found is not None:
        return Indexed(path, found, fresh=True)
    try:
        with DemoFile(path) as file:
            index = build_index(file)
    except ForkctlError as error:
        return Indexed(path, None, error=error)
    save_index(index)
    return Indexed(path, index)


def build_index(file: DemoFile) -> FileIndex:
    """Walk a file that was opened without an index."""
    demos = {demo.name: dict(_datasets(file, demo.name, "")) for demo in file}
    files = {file.path} | {extent.file for demo in demos.values() for extent in demo.values()}
    try:
        alignment: Optional[str] = file.alignment()
    except AlignmentError:
        alignment = None
    return FileIndex(file.path, {name: fingerprint_of(name) for name in files}, alignment, demos)


def _datasets(file: DemoFile, demo: str, group: str) -> Iterator[tuple[str, DatasetExtent]]:
    for name in file.children(f"{demo}/{group}".rstrip("/")):
        path = f"{group}/{name}" if group else name
        if file.is_group(f"{demo}/{path}"):
            yield from _datasets(file, demo, path)
        else:
            yield path, file.extent(f"{demo}/{path}")
