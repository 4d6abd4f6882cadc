"""Which files a path means, and which suite they are."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Optional

from forkctl.errors import ForkctlError
from forkctl.libero.suites import Suite, find_suite, task_name_from_file

ENDINGS = (".hdf5", ".h5")
_GET_DATA = "get one: forkctl data download SUITE, or forkctl data synth SUITE"


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The HDF5 files among and below `paths`, each once, sorted within a folder.

    The one way in which every command finds LIBERO's files.
    """
    wanted = list(paths)
    found: dict[Path, None] = {}
    for path in wanted:
        if path.is_dir():
            below = (p for p in path.rglob("*") if p.suffix in ENDINGS and p.is_file())
            found.update(dict.fromkeys(sorted(below)))
        elif path.exists():
            found[path] = None
        else:
            raise ForkctlError("no such file or folder", where=str(path), hint=_GET_DATA)
    if not found:
        raise ForkctlError(
            f"no {' or '.join(ENDINGS)} file here",
            where=", ".join(str(path) for path in wanted),
            hint=_GET_DATA,
        )
    return list(found)


def suite_of_files(paths: Iterable[Path]) -> Optional[Suite]:
    """The suite that every file's task belongs to, or None."""
    suites = {find_suite(task_name_from_file(path)) for path in paths}
    return suites.pop() if len(suites) == 1 else None
