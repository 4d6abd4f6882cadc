"""Read a file that others write: an error of the system's kind where it is not what it should be.

A pipe would be waited for, and a file that never ends be read for ever. Standard library only,
Python 3.9: what runs in the forks' environments uses it too.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO

LARGE = 1 << 30  # what grows with the training, or is laid into a tree as it is
_TEXT = 1 << 26  # what a user types, or forkctl notes


def open_file(path: Path, most: int = sys.maxsize) -> BinaryIO:
    """A regular file of at most this many bytes, for reading."""
    by_shell = str(path).startswith("/dev/fd/")  # a pipe that it has opened: `<(…)`
    waits = 0 if by_shell else os.O_NONBLOCK
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | waits)
    try:
        status = os.fstat(opened)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode) and not (by_shell and stat.S_ISFIFO(status.st_mode)):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most >> 20} MiB", str(path))
        return open(opened, "rb")  # noqa: PTH123 (it is open already)
    except BaseException:
        os.close(opened)
        raise


def read_bytes(path: Path, most: int = _TEXT) -> bytes:
    with open_file(path, most) as file:
        try:
            return file.read()
        except OSError as error:
            error.filename = str(path)
            raise


def read_text(path: Path, most: int = _TEXT) -> str:
    try:
        return read_bytes(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not text in UTF-8 (byte {error.start})"
        raise OSError(errno.EILSEQ, reason, str(path)) from None


def read_json(path: Path, most: int = _TEXT) -> Any:
    """ValueError: it is not JSON."""
    text = read_text(path, most)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def reason(error: Exception) -> str:
    """Why, in the words of an error of ours: without the number that Python puts before them."""
    text = str(getattr(error, "strerror", None) or error)
    return text[:1].lower() + text[1:]
