"""Carry what `sync` needs to a machine without network: one file with the pins of some forks."""

from __future__ import annotations

import functools
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from forkctl.atomic import replacing, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.cache import Fetcher, opened, take_over
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource, Manifest, PypiSource
from forkctl.forks.objects import BARE, write_repository
from forkctl.forks.processes import Children
from forkctl.forks.sources import ensure_release, sdist_git_dir, with_pin
from forkctl.forks.tree import objects_of_pin
from forkctl.forks.workspace import lock_on
from forkctl.reading import open_file, reason


def write_bundle(
    manifest: Manifest, forks: Sequence[Fork], children: Children, target: Path, offline: bool
) -> int:
    """Write a bundle; return the number of forks in it. What the cache lacks is fetched first."""
    with (
        replacing(target) as partial,
        tempfile.TemporaryDirectory(prefix="forkctl-") as folder,
        tarfile.open(partial, "w:gz", compresslevel=1) as archive,
    ):
        for fork in forks:
            pack = functools.partial(_parts, fork, Path(folder))
            for name, path in with_pin(fork, manifest.mirrors, children, pack, offline):
                archive.add(path, f"{fork.name}/{name}", recursive=False)
    return len(forks)


def _parts(fork: Fork, folder: Path, cached: Repository, pin: str) -> list[tuple[str, Path]]:
    if isinstance(fork.source, PypiSource):
        return [("archive.tar.gz", cached.git_dir / "archive.tar.gz")]
    slim = Repository(folder / fork.name, cached.children)
    write_repository(slim.git_dir, BARE)
    objects.copy_objects(cached, slim, objects_of_pin(cached, pin, fork.sparse), promised=True)
    packs = sorted((slim.git_dir / "objects" / "pack").glob("pack-*.pack"))
    return [(pack.name, pack) for pack in packs]


def read_bundle(
    manifest: Manifest, forks: Sequence[Fork], children: Children, source: Path
) -> list[str]:
    """Load what a bundle has of these forks into the cache; return the names of those forks."""
    taken = []
    try:
        with open_file(source) as file, tarfile.open(fileobj=file, mode="r:gz") as archive:
            held = {member.name: member for member in archive.getmembers() if member.isfile()}
            for fork in forks:
                parts = [m for name, m in held.items() if name.startswith(f"{fork.name}/")]
                for member in parts:
                    content = archive.extractfile(member)
                    assert content is not None
                    _take(manifest, fork, children, member.name, content.read())
                if parts:
                    taken.append(fork.name)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:  # EOFError: cut short
        raise ForkctlError(
            f"cannot be read as a bundle: {reason(error)}",
            where=str(source),
            hint="make one with `forkctl bundle -o FILE` on a machine with network",
        ) from error
    return taken


def _take(manifest: Manifest, fork: Fork, children: Children, name: str, content: bytes) -> None:
    fetcher = Fetcher(children, manifest.mirrors, offline=True)
    if isinstance(fork.source, PypiSource):
        folder = sdist_git_dir(fork.source)
        folder.mkdir(parents=True, exist_ok=True)
        with lock_on(folder / "forkctl.lock", f"taking over {name}"):
            write_atomically(folder / "archive.tar.gz", content)
        ensure_release(fetcher, fork.source)
        return
    assert isinstance(fork.source, GitSource)
    with opened(fetcher, fork.source.url) as cached:
        take_over(cached, content, fork.source.revision, fork.sparse)
