"""Folders for the time of a task. What a killed process left of them, the next one removes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from forkctl.atomic import remove_folder
from forkctl.errors import ForkctlError

_HELD = "held"  # locked by the process that a folder is for


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, on the disk that TMPDIR names."""
    place = _place()
    with contextlib.ExitStack() as held:
        with _locked(place / "lock"):  # so that no folder is swept before it is held
            for left in place.iterdir():
                if left.is_dir() and _is_left_behind(left):
                    remove_folder(left)
            folder = Path(tempfile.mkdtemp(dir=place))
            held.enter_context(_locked(folder / _HELD))
        inside = folder / "files"
        inside.mkdir()
        try:
            yield inside
        finally:
            remove_folder(folder)


def _place() -> Path:
    """Ours alone: whoever else may write to a folder for all could put links into it."""
    place = Path(tempfile.gettempdir()) / f"forkctl-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.getuid():
        raise ForkctlError(
            "is not a folder of yours, so forkctl does not write to it",
            where=str(place),
            hint="set TMPDIR to a folder that only you can write to",
        )
    return place


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_left_behind(folder: Path) -> bool:
    try:
        with (folder / _HELD).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # its process ended while it made the folder
        return True
    except OSError:
        return False
    return True
