"""Read a .tar.gz that others made, within limits: a few bytes of it can stand for terabytes."""

from __future__ import annotations

import contextlib
import gzip
import tarfile
from collections.abc import Callable, Iterator
from typing import IO

LARGEST = 2**31  # of all that an archive holds
_MOST_MEMBERS = 200_000
_LONGEST_HEADER = 2**20  # a header may say of itself how long it is


class _Within:
    """A stream that ends with an error where more is read than was allowed so far."""

    def __init__(self, stream: IO[bytes], allowed: int) -> None:
        self._stream = stream
        self.allowed = allowed

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self.allowed -= len(content)
        if self.allowed < 0:
            raise tarfile.ReadError("a header is longer than any that tar writes")
        return content


def members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]:
    """Each member and what reads it, if it is a file, until the next one is asked for.

    A name is not to be trusted.
    """
    total = 0
    with contextlib.ExitStack() as opened:
        unpacked = opened.enter_context(gzip.GzipFile(fileobj=stream))
        within = _Within(unpacked, _LONGEST_HEADER)  # type: ignore[arg-type]
        archive = opened.enter_context(tarfile.open(fileobj=within, mode="r|"))  # type: ignore[call-overload]
        for count, member in enumerate(archive, 1):
            if member.issparse():
                raise tarfile.ReadError(f"{member.name!r} has holes")
            total += member.size
            if total > LARGEST or count > _MOST_MEMBERS:
                raise tarfile.ReadError("it holds more than forkctl unpacks")
            within.allowed = member.size + _LONGEST_HEADER

            def content(member: tarfile.TarInfo = member) -> bytes:
                file = archive.extractfile(member)
                assert file is not None
                return bytes(file.read())

            yield member, content
