"""What makes a file the same one: its bytes, and neither its name nor its times.

Hashing 15 GB takes a while, so a hash is remembered for as long as the file's status is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.places import cache_root
from forkctl.reading import open_file

_SAMPLE = 1 << 20
_WORTH_KEEPING = 1 << 24
# A file may change once more within one tick of the clock that its times come from.
_SETTLED_SECONDS = 2.0


def content_hash(path: Path) -> str:
    """The SHA-256 of a file; of a folder, that of the names and hashes of all files in it."""
    if not path.exists():
        raise ForkctlError("there is no such file or folder", where=str(path))
    if not path.is_dir():
        return file_hash(path)
    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(path)}\0{file_hash(file)}\n".encode())
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """The SHA-256 of all of a file."""
    stat = path.stat()
    kept = _kept(path)
    state = [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["state"] == state:
            return str(known["sha256"])
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(1 << 22):
            digest.update(block)
    settled = time.time() - max(stat.st_mtime, stat.st_ctime) > _SETTLED_SECONDS
    if settled and stat.st_size >= _WORTH_KEEPING:
        with contextlib.suppress(OSError):  # a full disk costs the next one some time
            write_atomically(kept, json.dumps({"state": state, "sha256": digest.hexdigest()}))
    return digest.hexdigest()


def _kept(path: Path) -> Path:
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
    return cache_root() / "hashes" / f"{name}.json"


def fingerprint(files: Sequence[Path]) -> str:
    """Names, sizes, and the first, middle and last megabyte of each file.

    A hash of all bytes of a suite takes minutes for each run; what changes a file of demos (other
    demos, another conversion, damage at an end) changes one of these.
    """
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with open_file(path) as file:
            for start in sorted({0, max(0, size // 2 - _SAMPLE // 2), max(0, size - _SAMPLE)}):
                file.seek(start)
                digest.update(file.read(_SAMPLE))
    return digest.hexdigest()
