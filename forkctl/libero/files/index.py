"""A small cache of where everything lies in a file, so that a loader need not walk it again.

An index holds names, shapes and byte offsets, never data. It lives in the cache folder, keyed by
the file's path, and is used only while size and modification time of the file, and of every file
that it links to, are unchanged.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Union

from forkctl.atomic import write_atomically
from forkctl.libero.files.storage import DatasetExtent
from forkctl.places import cache_root
from forkctl.reading import read_json

_VERSION = 1
PathLike = Union[str, Path]


@dataclass(frozen=True)
class FileIndex:
    """`demos` maps demo -> dataset name ("obs/ee_pos") -> extent, demos in numeric order."""

    path: str
    fingerprints: Mapping[str, tuple[int, int]]
    alignment: Optional[str]
    demos: Mapping[str, Mapping[str, DatasetExtent]]

    def extent(self, name: str) -> Optional[DatasetExtent]:
        """The dataset "demo_0/obs/ee_pos", or None."""
        demo, _, dataset = name.partition("/")
        return self.demos.get(demo, {}).get(dataset)

    def children(self, name: str) -> tuple[str, ...]:
        """Names directly in the group "demo_0" or "demo_0/obs"."""
        demo, _, group = name.partition("/")
        prefix = f"{group}/" if group else ""
        below = [key[len(prefix) :] for key in self.demos.get(demo, {}) if key.startswith(prefix)]
        return tuple(dict.fromkeys(key.split("/")[0] for key in below))

    @property
    def steps(self) -> int:
        return sum(
            sum(demo["actions"].shape[:1]) for demo in self.demos.values() if "actions" in demo
        )


def index_folder() -> Path:
    return cache_root() / "index"


def save_index(index: FileIndex, folder: Optional[Path] = None) -> Path:
    """Write it in one step: a reader sees the old index or the new one."""
    target = _cache_file(index.path, folder)
    write_atomically(target, json.dumps(_to_json(index), separators=(",", ":")))
    return target


def load_index(path: PathLike, folder: Optional[Path] = None) -> Optional[FileIndex]:
    """The index of this file if there is one and nothing has changed since, else None."""
    absolute = str(Path(path).absolute())
    try:
        index = _from_json(read_json(_cache_file(absolute, folder)))
        fresh = all(fingerprint_of(name) == was for name, was in index.fingerprints.items())
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None  # absent, of another version, or damaged: the file itself is the truth
    return index if fresh and index.path == absolute else None


def _cache_file(path: str, folder: Optional[Path]) -> Path:
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
    return (folder or index_folder()) / f"{digest}.json"


def fingerprint_of(path: str) -> tuple[int, int]:
    stat = Path(path).stat()
    return (stat.st_size, stat.st_mtime_ns)


def _to_json(index: FileIndex) -> dict[str, Any]:
    files = list(index.fingerprints)
    return {
        "version": _VERSION,
        "path": index.path,
        "files": [[name, *index.fingerprints[name]] for name in files],
        "alignment": index.alignment,
        "demos": {
            demo: {
                name: [files.index(extent.file), extent.offset, extent.dtype, extent.shape]
                for name, extent in datasets.items()
            }
            for demo, datasets in index.demos.items()
        },
    }


def _from_json(data: dict[str, Any]) -> FileIndex:
    if data["version"] != _VERSION:
        raise ValueError("an index of another version")
    files = [name for name, _, _ in data["files"]]
    return FileIndex(
        path=data["path"],
        fingerprints={name: (size, mtime) for name, size, mtime in data["files"]},
        alignment=data["alignment"],
        demos={
            demo: {
                name: DatasetExtent(files[number], offset, dtype, tuple(shape))
                for name, (number, offset, dtype, shape) in datasets.items()
            }
            for demo, datasets in data["demos"].items()
        },
    )
