"""LIBERO's meshes, textures and scenes, of one pinned commit: what the tasks of a suite load.

They are kept in the cache. The commit names every file by its digest, so that a copy of a user's
own can be held to it too.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher, ensure_objects, ensure_pin
from forkctl.forks.git import Repository
from forkctl.forks.manifest import GitSource
from forkctl.forks.objects import blob_reader, files_of
from forkctl.places import cache_root

LIBERO = GitSource(
    "https://github.com/Lifelong-Robot-Learning/LIBERO",
    "8f1084e3132a39270c3a13ebe37270a43ece2a01",
    "master",
)
_ASSETS = "libero/libero/assets/"
_TASKS = "libero/libero/bddl_files/"
_RECORD = "forkctl-assets.json"
_KIND = re.compile(r"\s-\s+(\w+)")  # `plate_1 - plate`
_PROBLEM = re.compile(r"\(problem LIBERO_([A-Za-z]+)", re.IGNORECASE)
_REFERENCE = re.compile(r'\bfile="([^"]+)"')
_SHOWN = 3


@dataclass(frozen=True)
class Assets:
    """`suites` is what the folder is known to be whole for; `files` are path and git's digest."""

    folder: Path
    suites: tuple[str, ...]
    files: Mapping[str, str]

    def faults(self) -> list[str]:
        """The files that are gone or differ."""
        return [path for path, digest in self.files.items() if _digest(self.folder, path) != digest]


def assets_folder() -> Path:
    return cache_root() / "simulator" / "assets"


def recorded_assets() -> Assets | None:
    folder = assets_folder()
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return Assets(folder, tuple(record["suites"]), record["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def lay_out_assets(
    fetcher: Fetcher, suites: Sequence[str], copy: Path | None, source: GitSource = LIBERO
) -> Assets:
    """Add what these suites need to the cache's folder, fetched or from a user's copy."""
    tasks = tuple(f"{_TASKS}{suite}" for suite in suites)
    cached = ensure_pin(fetcher, source.url, source.revision, tasks)
    digests = {path: entry.oid for path, entry in files_of(cached, source.revision).items()}
    files = _needed(fetcher, source.url, cached, digests, tasks)
    before = recorded_assets()
    if copy is not None:
        _require_same(copy, files, source)
        _write(((path, (copy / path).read_bytes()) for path in files), assets_folder())
    else:
        cached = ensure_objects(fetcher, source.url, list(files.values()))
        with blob_reader(cached) as blobs:
            _write(((path, blobs.read(digest)) for path, digest in files.items()), assets_folder())
    known = {*suites, *(before.suites if before else ())}
    made = Assets(
        assets_folder(), tuple(sorted(known)), {**(before.files if before else {}), **files}
    )
    record = {"commit": source.revision, "suites": made.suites, "files": dict(made.files)}
    write_atomically(made.folder / _RECORD, json.dumps(record, indent=1))
    return made


def _needed(
    fetcher: Fetcher,
    url: str,
    cached: Repository,
    digests: Mapping[str, str],
    tasks: Sequence[str],
) -> dict[str, str]:
    """The models that the tasks name, what these refer to, and textures, which code chooses."""
    descriptions = [path for path in digests if path.startswith(tuple(f"{t}/" for t in tasks))]
    models = {path: oid for path, oid in digests.items() if path.startswith(_ASSETS)}
    xml = {path: oid for path, oid in models.items() if path.endswith(".xml")}
    ensure_objects(fetcher, url, list(xml.values()))
    with blob_reader(cached) as blobs:
        said = [blobs.read(digests[path]).decode() for path in descriptions]
        kinds = {kind for text in said for kind in _KIND.findall(text)}
        scenes = tuple(
            f"{_ASSETS}scenes/libero_{problem.lower()}_"
            for text in said
            for problem in _PROBLEM.findall(text)
        )
        needed = {
            path
            for path in models
            if path.startswith(f"{_ASSETS}textures/")
            or path.count("/") == _ASSETS.count("/")
            or (path in xml and (posixpath.basename(path)[:-4] in kinds or path.startswith(scenes)))
        }
        for path in sorted(needed & xml.keys()):
            for reference in _REFERENCE.findall(blobs.read(xml[path]).decode("utf-8", "replace")):
                found = posixpath.normpath(posixpath.join(posixpath.dirname(path), reference))
                needed |= {found} & models.keys()
    return {path.removeprefix(_ASSETS): models[path] for path in sorted(needed)}


def _require_same(copy: Path, files: Mapping[str, str], source: GitSource) -> None:
    wrong = [path for path, digest in files.items() if _digest(copy, path) != digest]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise ForkctlError(
            f"{len(wrong)} of {len(files)} files are not those of {source}: "
            + ", ".join(wrong[:_SHOWN])
            + more,
            where=str(copy),
            hint="FORKCTL_LIBERO_ASSETS may name that folder, to use it as it is",
        )


def _digest(folder: Path, path: str) -> str | None:
    """As git names a file's content; None where it cannot be read."""
    try:
        content = (folder / path).read_bytes()
    except OSError:
        return None
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _write(contents: Iterator[tuple[str, bytes]], folder: Path) -> None:
    for path, content in contents:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / path, content)
