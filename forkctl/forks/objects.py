"""Read commits, trees and blobs; copy objects, write references, start a repository."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from forkctl.atomic import remove_folder, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository

BARE: Mapping[str, Mapping[str, str]] = {
    "core": {"repositoryformatversion": "0", "filemode": "true", "bare": "true"}
}
# A repository to fetch into without blobs. Its remote has no address on purpose: each fetch gives
# one, and git can never contact a network on its own.
PARTIAL: Mapping[str, Mapping[str, str]] = {
    "core": {"repositoryformatversion": "1", "filemode": "true", "bare": "true"},
    "extensions": {"partialClone": "origin"},
    'remote "origin"': {"promisor": "true", "partialclonefilter": "blob:none"},
}

LINK = "120000"
SUBMODULE = "160000"  # the mode of one: forkctl makes its folder, and puts nothing there


class TreeEntry(NamedTuple):
    """What a tree has under a name: mode (`100644`, `100755`, `120000`, `160000`) and object."""

    mode: str
    oid: str


class Listing(NamedTuple):
    """Everything below the root of a commit."""

    files: Mapping[str, TreeEntry]
    folders: Mapping[str, str]  # path -> its tree; a folder comes before what is in it


EMPTY = Listing({}, {})


def resolve(repo: Repository, revision: str) -> str | None:
    """The full commit id, or None if there is no such commit here."""
    out = repo.local(
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        accept=(0, 1, 128),
    )
    return out.decode().strip() or None


@lru_cache(maxsize=64)  # what a commit holds never changes
def tree_of(repo: Repository, commit: str) -> str:
    return repo.line("rev-parse", "--verify", f"{commit}^{{tree}}")


def files_of(repo: Repository, commit: str) -> dict[str, TreeEntry]:
    """Every file of a commit by path."""
    return {path: entry for kind, path, entry in _ls_tree(repo, "-r", commit) if kind != "tree"}


def changed_files(
    repo: Repository, old: str, new: str
) -> dict[str, tuple[TreeEntry | None, TreeEntry | None]]:
    """path -> (what it was, what it becomes) between two commits."""
    out = repo.local("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", old, new)
    records = out.split(b"\0")
    changed: dict[str, tuple[TreeEntry | None, TreeEntry | None]] = {}
    for meta, path in zip(records[0::2], records[1::2], strict=False):
        mode, new_mode, oid, new_oid, _ = meta.decode().removeprefix(":").split()
        before = None if mode == "000000" else TreeEntry(mode, oid)
        after = None if new_mode == "000000" else TreeEntry(new_mode, new_oid)
        changed[os.fsdecode(path)] = (before, after)
    return changed


def files_at(repo: Repository, commit: str, paths: Collection[str]) -> dict[str, TreeEntry]:
    """The entries of those paths that the commit has."""
    found = _ls_tree(repo, commit, "--", *paths)
    return {path: entry for _, path, entry in found if path in paths}


@lru_cache(maxsize=16)
def listing_of(repo: Repository, commit: str) -> Listing:
    files, folders = {}, {}
    for kind, path, entry in _ls_tree(repo, "-r", "-t", commit):
        if kind == "tree":
            folders[path] = entry.oid
        else:
            files[path] = entry
    return Listing(files, folders)


def _ls_tree(repo: Repository, *args: str) -> Iterator[tuple[str, str, TreeEntry]]:
    for record in repo.local("ls-tree", "-z", "--full-tree", *args).split(b"\0"):
        if record:
            meta, _, path = record.partition(b"\t")
            mode, kind, oid = meta.decode().split()
            yield kind, os.fsdecode(path), TreeEntry(mode, oid)


def missing_objects(repo: Repository, oids: Iterable[str]) -> list[str]:
    """Those that are not here. Of a repository from which git does not fetch by itself."""
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    if not asked:
        return []
    out = repo.local("cat-file", "--batch-check=%(objectname)", stdin=asked)
    return [line.split()[0] for line in out.decode().splitlines() if line.endswith(" missing")]


def held_objects(repo: Repository) -> set[str]:
    """All that are here; git never fetches to answer this."""
    asked = ("--batch-all-objects", "--unordered", "--batch-check=%(objectname)")
    return set(repo.line("cat-file", *asked).split())


class MissingObject(ForkctlError):
    """An object that should be in a repository cannot be read from it."""


class BlobReader:
    """Reads many blobs with one `git cat-file --batch`."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._process = repo.start_local("cat-file", "--batch")

    def read(self, oid: str) -> bytes:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{oid}\n".encode())
        self._process.stdin.flush()
        header = self._process.stdout.readline().split()
        if len(header) != 3:
            raise MissingObject(
                f"object {oid} is not in {self._repo.git_dir}",
                hint="run `forkctl sync` again to fetch what is missing",
            )
        content = self._process.stdout.read(int(header[2]))
        self._process.stdout.read(1)
        return content

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait()
        self._repo.children.forget(self._process)


@contextmanager
def blob_reader(repo: Repository) -> Iterator[BlobReader]:
    reader = BlobReader(repo)
    try:
        yield reader
    finally:
        reader.close()


def commits_between(repo: Repository, base: str, tip: str) -> list[str]:
    """Commits reachable from tip and not from base, oldest first."""
    return repo.line("rev-list", "--reverse", "--topo-order", f"{base}..{tip}").split()


def is_ancestor(repo: Repository, ancestor: str, commit: str) -> bool:
    return not repo.line("rev-list", "--max-count=1", ancestor, f"^{commit}")


def copy_objects(
    source: Repository, target: Repository, oids: Iterable[str], promised: bool
) -> None:
    """Pack these objects of `source` into `target`. `promised`: the rest is fetched on demand.

    git packs them beside the target, in a repository that borrows them: it indexes what it writes,
    where a pack that comes through a pipe would have to be read once more."""
    remove_folder(target.git_dir / "incoming")
    incoming = borrowing(source, target.git_dir / "incoming")
    incoming.local(
        "pack-objects",
        "--quiet",
        "--window=0",
        "--threads=1",
        str(incoming.git_dir / "objects" / "pack" / "pack"),
        stdin="".join(f"{oid}\n" for oid in oids).encode(),
        config=("pack.writeReverseIndex=false",),
    )
    adopt_packs(incoming, target, promised)
    remove_folder(incoming.git_dir)


def adopt_packs(area: Repository, target: Repository, promised: bool = False) -> None:
    """Move finished packs over. git sees a pack once its .idx is there, so the .idx goes last."""
    packs = target.git_dir / "objects" / "pack"
    for index in sorted((area.git_dir / "objects" / "pack").glob("pack-*.idx")):
        if promised:
            (packs / index.name).with_suffix(".promisor").touch()
        for suffix in (".pack", ".idx"):
            index.with_suffix(suffix).replace(packs / index.with_suffix(suffix).name)


def id_of(kind: str, content: bytes) -> str:
    return _digest(_stored(kind, content))


def _stored(kind: str, content: bytes) -> bytes:
    return f"{kind} {len(content)}\0".encode() + content


def _digest(stored: bytes) -> str:
    return hashlib.sha1(stored, usedforsecurity=False).hexdigest()


def write_object(repo: Repository, kind: str, content: bytes) -> str:
    """Put an object into the repository, as git would; return its id."""
    stored = _stored(kind, content)
    oid = _digest(stored)
    path = repo.git_dir / "objects" / oid[:2] / oid[2:]
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(f"tmp_obj_{os.getpid()}_{oid}")  # git's gc sweeps such names
        try:
            partial.write_bytes(zlib.compress(stored, 1))
            partial.chmod(0o444)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return oid


def write_ref(repo: Repository, ref: str, oid: str) -> None:
    """Set a reference of a repository that only forkctl writes to. A kill leaves no lock behind."""
    path = repo.git_dir / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"{oid}\n")


def write_repository(
    git_dir: Path, config: Mapping[str, Mapping[str, str]], head: str = "refs/heads/main"
) -> None:
    """An empty repository, written by hand: `git init` copies templates, and takes the default
    branch, the reference format and the hash from the git version and configuration it finds."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True)
    (git_dir / "config").write_text(_config_text(config), encoding="utf-8")
    (git_dir / "HEAD").write_text(f"ref: {head}\n", encoding="utf-8")


def borrowing(source: Repository, git_dir: Path) -> Repository:
    """An empty repository that sees the objects of `source` and leaves them as they are."""
    write_repository(git_dir, BARE)
    alternates = git_dir / "objects" / "info" / "alternates"
    alternates.write_bytes(os.fsencode(source.git_dir / "objects") + b"\n")
    return Repository(git_dir, source.children)


def _config_text(config: Mapping[str, Mapping[str, str]]) -> str:
    lines = []
    for section, settings in config.items():
        lines.append(f"[{section}]")
        for key, value in settings.items():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'\t{key} = "{escaped}"')
    return "\n".join(lines) + "\n"
