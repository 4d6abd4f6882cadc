"""Put the hunks of a diff where `git apply` puts them, and judge a place by the function around it.

git takes the place nearest to the line that the hunk gives where all its lines are, in whichever
function that is. What is known of the original place is the heading of the hunk: the line that
git would print here must name the same function or class.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from forkctl.forks.objects import id_of
from forkctl.patching.reading.gitdiff import Hunk, TouchedFile

_DEFINITION = re.compile(rb"[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")
_HEADING = re.compile(rb"[A-Za-z_$]")  # git's own pattern, for files of no known language


class Placed(NamedTuple):
    lines: list[bytes]  # of the file, with the hunks applied
    offsets: list[int]  # how many lines each hunk is from where it says it is


def lines_of(content: bytes) -> list[bytes]:
    return io.BytesIO(content).readlines()  # `splitlines` also ends them at a bare CR


def place(hunks: Sequence[Hunk], lines: Sequence[bytes]) -> Placed | None:
    """None: a hunk does not apply."""
    result, offsets = list(lines), list[int]()
    taken: list[range] = []  # what earlier hunks left, in which no other may begin or end
    for hunk in hunks:
        at = next((at for at in _places(hunk, result) if not _touches(hunk, at, taken)), None)
        if at is None:
            return None
        result[at : at + len(hunk.old)] = hunk.new
        longer = len(hunk.new) - len(hunk.old)
        taken = [r if r.start < at else range(r.start + longer, r.stop + longer) for r in taken]
        taken.append(range(at, at + len(hunk.new)))
        offsets.append(at - _expected(hunk))
    return Placed(result, offsets)


def _expected(hunk: Hunk) -> int:
    return max(hunk.new_start - 1, 0)


def _touches(hunk: Hunk, at: int, taken: Sequence[range]) -> bool:
    return any(r.start < at + len(hunk.old) and at < r.stop for r in taken)


def _places(hunk: Hunk, lines: Sequence[bytes]) -> Iterator[int]:
    """Where all lines of a hunk are, the nearest first; of two, the later one, as in git."""
    old, last = list(hunk.old), len(lines) - len(hunk.old)
    only_at_the_end = not hunk.trailing
    if hunk.old_start <= 1:
        tried: Iterator[int] = iter((0,) if not only_at_the_end or last == 0 else ())
    elif only_at_the_end:
        tried = iter((last,))
    else:
        tried = _outwards(min(_expected(hunk), len(lines)), last)
    first = old[0] if old else None
    for at in tried:
        near = 0 <= at <= last and (first is None or lines[at] == first)  # comparing all is slow
        if near and lines[at : at + len(old)] == old:
            yield at


def _outwards(middle: int, last: int) -> Iterator[int]:
    yield middle
    for distance in range(1, max(middle, last - middle) + 1):
        yield middle + distance
        yield middle - distance


def problem_of_place(file: TouchedFile, content: bytes) -> str | None:
    """Why a hunk must not go where it applies in a Python file; None if it may."""
    lines = lines_of(content)
    placed = None if _is_blob(content, file.base) else place(file.hunks, lines)
    if placed is None:  # the very file that the diff was made against, or one for a merge
        return None
    longer = 0
    for hunk, offset in zip(file.hunks, placed.offsets, strict=True):
        at = _expected(hunk) + offset - longer  # in the file before
        longer += len(hunk.new) - len(hunk.old)
        told = f"the lines of its hunk for line {hunk.old_start}, "
        told += f"in `{hunk.heading or 'the module'}`, are "
        if _says_where(hunk):
            continue
        if not _fits(hunk, lines, at):
            around = max((n for n in _headings(lines, at) if n is not None), default=None)
            name = "the module" if around is None else f"`{_text(lines[around])}`"
            return f"{told}at line {at + 1} in {name} by now"
        same = [other for other in _places(hunk, lines) if _fits(hunk, lines, other)]
        if len({_headings(lines, other) for other in same}) > 1:
            numbers = ", ".join(str(other + 1) for other in sorted(same))
            return f"{told}in several places by now: lines {numbers}"
    return None


def offsets_in(file: TouchedFile, content: bytes) -> list[int]:
    """How many lines each hunk that has moved goes from where it says it is."""
    placed = place(file.hunks, lines_of(content))
    return [offset for offset in placed.offsets if offset] if placed else []


def is_made(file: TouchedFile, content: bytes | None) -> bool:
    """Whether upstream has the change already."""
    if content is None or not file.in_place:
        return file.new is None if content is None else _is_blob(content, file.result)
    swapped = replace(
        file,
        base=file.result,
        hunks=tuple(
            replace(h, old=h.new, new=h.old, old_start=h.new_start, new_start=h.old_start)
            for h in file.hunks
        ),
    )
    if place(swapped.hunks, lines_of(content)) is None:
        return False
    return not file.path.endswith(".py") or problem_of_place(swapped, content) is None


def _is_blob(content: bytes, oid: str) -> bool:
    """`oid` may be abbreviated, or unknown."""
    return bool(oid) and id_of("blob", content).startswith(oid)


def _says_where(hunk: Hunk) -> bool:
    """Whether its own context has the definition that the change is in. A method's leaves open in
    which class, where the heading says that."""
    found = [line for line in hunk.old[: hunk.leading] if _DEFINITION.match(line)]
    on_top = any(not line[:1].isspace() for line in found)
    return on_top or bool(found and not hunk.heading.startswith("class "))


def _fits(hunk: Hunk, lines: Sequence[bytes], at: int) -> bool:
    outer, inner = (None if n is None else lines[n] for n in _headings(lines, at))
    wanted = _name(hunk.heading.encode())
    if wanted is None:  # no heading, or one that is no definition: the body of the module
        return _name(outer) is None
    return wanted in (_name(outer), _name(inner))


def _headings(lines: Sequence[bytes], at: int) -> tuple[int | None, int | None]:
    """Where the heading is that git prints for a hunk here: with its own pattern, with Python's."""
    above = range(at - 1, -1, -1)
    outer = next((number for number in above if _HEADING.match(lines[number])), None)
    return outer, next((number for number in above if _DEFINITION.match(lines[number])), None)


def _name(heading: bytes | None) -> bytes | None:
    found = _DEFINITION.match(heading or b"")
    return found[1] if found else None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()
