"""Carry what `sync` needs to a machine without network: one file with the pins of some forks."""

from __future__ import annotations

import functools
import hashlib
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from forkctl.atomic import replacing, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.archives import members
from forkctl.forks.cache import Fetcher, opened, take_over
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource, Manifest, PypiSource
from forkctl.forks.objects import BARE, write_repository
from forkctl.forks.processes import Children
from forkctl.forks.sources import ensure_release, sdist_git_dir, with_pin
from forkctl.forks.tree import objects_of_pin
from forkctl.forks.workspace import lock_on
from forkctl.reading import open_file, reason
from forkctl.scratch import scratch_folder


def write_bundle(
    manifest: Manifest, forks: Sequence[Fork], children: Children, target: Path, offline: bool
) -> int:
    """Write a bundle; return the number of forks in it. What the cache lacks is fetched first."""
    with (
        replacing(target) as partial,
        scratch_folder() as folder,
        tarfile.open(partial, "w:gz", compresslevel=1) as archive,
    ):
        for fork in forks:
            pack = functools.partial(_parts, fork, folder)
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
    wanted = {fork.name: fork for fork in forks}
    taken = set()
    try:
        with open_file(source) as stream:
            for member, content in members(stream):
                name = member.name.partition("/")[0]
                if member.isfile() and name in wanted:
                    _take(manifest, wanted[name], children, member.name, content())
                    taken.add(name)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:  # EOFError: cut short
        raise ForkctlError(
            f"cannot be read as a bundle: {reason(error)}",
            where=str(source),
            hint="make one with `forkctl bundle -o FILE` on a machine with network",
        ) from error
    return [fork.name for fork in forks if fork.name in taken]


def _take(manifest: Manifest, fork: Fork, children: Children, name: str, content: bytes) -> None:
    fetcher = Fetcher(children, manifest.mirrors, offline=True)
    if isinstance(fork.source, PypiSource):
        if hashlib.sha256(content).hexdigest() != fork.source.sha256:
            raise ForkctlError(
                f"the bundle does not hold {fork.source}",
                where=name,
                hint="make the bundle again with the forks.toml that you have here",
            )
        folder = sdist_git_dir(fork.source)
        folder.mkdir(parents=True, exist_ok=True)
        with lock_on(folder / "forkctl.lock", f"taking over {name}"):
            write_atomically(folder / "archive.tar.gz", content)
        ensure_release(fetcher, fork.source)
        return
    assert isinstance(fork.source, GitSource)
    with opened(fetcher, fork.source.url) as cached:
        take_over(cached, content, fork.source.revision, fork.sparse)
