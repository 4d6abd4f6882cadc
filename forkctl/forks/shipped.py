"""The forks that come with forkctl, and how to start a workspace with them.

They are at the root of the repository. A wheel has a copy of them inside the package, made when it
is built (setup.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import forkctl
from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks.workspace import MANIFEST_NAME

# forks.toml comes last: the folder becomes a workspace only once everything is there.
SHIPPED = ("overlays", "patches", "configs", "forks.lock", MANIFEST_NAME)
_IGNORED = "/forks/\n/runs/\n/data/\n.forkctl.lock\n__pycache__/\n"


class Started(NamedTuple):
    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]  # already there, with the same content


def start_workspace(folder: Path) -> Started:
    """Copy the shipped forks into `folder`; no existing file is ever overwritten."""
    source = _shipped_root()
    files = {str(path.relative_to(source)): path.read_bytes() for path in _files(source)}
    if not (folder / ".gitignore").exists():
        files = {".gitignore": _IGNORED.encode(), **files}
    kept = {name for name, content in files.items() if _holds(folder / name, content)}
    missing = [name for name in files if name not in kept]
    in_the_way = [name for name in missing if _is_taken(folder / name)]
    if in_the_way:
        more = f" and {len(in_the_way) - 5} more" if len(in_the_way) > 5 else ""
        raise ForkctlError(
            f"your own files are in the way: {', '.join(in_the_way[:5])}{more}",
            where=str(folder),
            hint=f"nothing was written; name an empty folder, or compare by hand with {source}",
        )
    for name in missing:
        _write(folder / name, files[name])
    return Started(folder, tuple(missing), tuple(sorted(kept)))


def _shipped_root() -> Path:
    package = Path(forkctl.__file__).resolve().parent
    for root in (package / "shipped", package.parent):
        if (root / MANIFEST_NAME).is_file():
            return root
    raise ForkctlError(
        "this installation of forkctl has no forks in it",
        where=str(package),
        hint="install the wheel again: pip install --force-reinstall forkctl",
    )


def _files(root: Path) -> Iterator[Path]:
    for name in SHIPPED:
        path = root / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _is_taken(path: Path) -> bool:
    """Also true if a file is in the place of one of our folders."""
    return path.is_symlink() or path.exists() or any(part.is_file() for part in path.parents)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise ForkctlError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="fix that and run `forkctl init` again: it continues from here",
        ) from error
