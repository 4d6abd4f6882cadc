"""Write a file so that a reader sees the old content or the new, never a part of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    with _replacing(path) as partial:
        partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to beside `path`; it takes the place of `path` when the block ends well.

    What a killed process left of such a file, which may be large, is removed."""
    start, end = _partial_name(path)
    for left in list(path.parent.iterdir()) if path.parent.is_dir() else ():
        pid = left.name[len(start) : -len(end)]
        if left.name == f"{start}{pid}{end}" and pid.isdigit() and not _runs(int(pid)):
            left.unlink(missing_ok=True)
    with _replacing(path) as partial:
        yield partial


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    start, end = _partial_name(path)
    partial = path.with_name(f"{start}{os.getpid()}{end}")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        if path.exists():
            partial.chmod(path.stat().st_mode & 0o777)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial_name(path: Path) -> tuple[str, str]:
    """What is before and behind the number of the process, which means nothing on another host."""
    host = sum(os.uname().nodename.encode()) % 10_000
    return f".{path.name}.{host}.", ".tmp"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def remove_folder(path: Path) -> None:
    """Remove a folder of ours, if it is there; a symbolic link is removed, not followed."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        import shutil  # imports the compression modules, which a no-op does not need

        shutil.rmtree(path)


def size_of(path: Path) -> int:
    return sum(
        (Path(folder) / name).lstat().st_size
        for folder, _, names in os.walk(path)
        for name in names
    )
