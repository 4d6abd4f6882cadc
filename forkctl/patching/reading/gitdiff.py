"""Which files a git diff touches, according to its headers, and the hunks for each.

The lines of hunks are counted, so that content that looks like a header is not mistaken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)")
_SIDES: dict[bytes, tuple[int, ...]] = {b"-": (0,), b"+": (1,), b" ": (0, 1)}
_BLOBS = re.compile(rb"index ([0-9a-f]+)\.\.([0-9a-f]+)")
_MODE = re.compile(rb"(?:new file mode|new mode|deleted file mode|old mode) (\d{6})\s*$")
_INDEX_MODE = re.compile(rb"index [0-9a-f]+\.\.[0-9a-f]+ (\d{6})\s*$")
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f"}
_ESCAPES |= {b"v": b"\v", b'"': b'"', b"\\": b"\\"}


class DiffProblem(ValueError):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Hunk:
    old_start: int
    new_start: int
    heading: str  # what git gave as the function around it
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    leading: int  # lines of context before the first change
    trailing: int


@dataclass(frozen=True)
class TouchedFile:
    old: str | None  # None: the file is new
    new: str | None  # None: the file is deleted
    executable: bool | None  # None: the mode stays
    line: int
    base: str = ""  # the blob that the diff is against, perhaps abbreviated
    result: str = ""
    hunks: tuple[Hunk, ...] = ()
    in_place: bool = True  # it only changes lines of a file that stays where it is

    @property
    def path(self) -> str:
        return self.new or self.old or ""


def read_diff(diff: bytes) -> tuple[list[TouchedFile], int]:
    """The files of a diff, and where it ends (a mail's signature follows)."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+", diff)
    files: list[TouchedFile] = []
    index = 0
    while index < len(lines) and lines[index].startswith(b"diff --git "):
        file, index = _read_file(lines, index)
        files.append(file)
    for number in range(index, len(lines)):
        if lines[number].startswith(b"diff --git "):
            raise DiffProblem("the diff cannot be read here", index + 1)
    return files, sum(map(len, lines[:index]))


def _read_file(lines: Sequence[bytes], index: int) -> tuple[TouchedFile, int]:
    start = index
    old, new = _names(lines[index], start + 1)
    file = TouchedFile(old, new, None, start + 1)
    index += 1
    while index < len(lines):
        line = lines[index].rstrip(b"\r\n")
        hunk = _HUNK.match(line)
        if hunk is not None:
            read, index = _read_hunk(lines, index, hunk)
            file = replace(file, hunks=(*file.hunks, read))
        elif line.startswith(b"GIT binary patch"):
            file = replace(file, in_place=False)
            index = _skip_binary(lines, index + 1)
        elif _is_header(line):
            file = _with_header(file, line, index + 1)
            index += 1
        else:
            break
    return file, index


def _is_header(line: bytes) -> bool:
    return line.startswith(
        (
            b"index ",
            b"old mode ",
            b"new mode ",
            b"new file mode ",
            b"deleted file mode ",
            b"similarity index ",
            b"dissimilarity index ",
            b"rename from ",
            b"rename to ",
            b"copy from ",
            b"copy to ",
            b"--- ",
            b"+++ ",
            b"Binary files ",
            b"\\ No newline",
        )
    )


def _with_header(file: TouchedFile, line: bytes, number: int) -> TouchedFile:
    mode = _MODE.match(line) or _INDEX_MODE.match(line)
    if mode is not None:
        if mode[1] == b"120000":
            raise DiffProblem("it touches a symbolic link, which patches may not", number)
        if mode[1] not in (b"100644", b"100755"):
            raise DiffProblem(f"it touches an entry of mode {mode[1].decode()}", number)
    if blobs := _BLOBS.match(line):
        file = replace(file, base=blobs[1].decode(), result=blobs[2].decode())
    if not line.startswith((b"index ", b"old mode ", b"new mode ", b"--- ", b"+++ ")):
        file = replace(file, in_place=False)
    if line.startswith(b"new file mode "):
        return replace(file, old=None, executable=line.endswith(b"755"))
    if line.startswith(b"new mode "):
        return replace(file, executable=line.endswith(b"755"))
    if line.startswith(b"deleted file mode "):
        return replace(file, new=None)
    for header in (b"rename from ", b"copy from "):
        if line.startswith(header):
            return replace(file, old=_name(line[len(header) :], number))
    for header in (b"rename to ", b"copy to "):
        if line.startswith(header):
            return replace(file, new=_name(line[len(header) :], number))
    if line.startswith((b"--- ", b"+++ ")):
        _agrees(file, line, number)
    if line.startswith(b"Binary files "):
        raise DiffProblem("it names a binary change without its content", number)
    return file


def _agrees(file: TouchedFile, line: bytes, number: int) -> None:
    """Check that `---` and `+++` name the same files as `diff --git`: git follows these lines."""
    name = _name(line[4:].rstrip(b"\t"), number)
    expected = file.old if line.startswith(b"---") else file.new
    if name == "/dev/null":
        if expected is not None:
            raise DiffProblem("the diff's headers disagree about /dev/null", number)
    elif expected is None or name.partition("/")[2] != expected:
        raise DiffProblem(f"the diff's headers disagree about the file name `{name}`", number)


def _names(line: bytes, number: int) -> tuple[str, str]:
    rest = line[len(b"diff --git ") :].rstrip(b"\r\n")
    if rest.startswith(b'"'):
        end = _quoted_end(rest, number)
        left, right = rest[:end], rest[end + 1 :]
    elif rest.endswith(b'"'):
        left, _, right = rest.partition(b' "')
        right = b'"' + right
    else:
        # both names are the same but for `a/` and `b/`; a rename has headers of its own
        middle = len(rest) // 2
        if rest[:2] == b"a/" and rest[middle : middle + 3] == b" b/":
            left, right = rest[:middle], rest[middle + 1 :]
        else:
            left, _, right = rest.partition(b" b/")
            right = b"b/" + right
    old, new = _name(left, number), _name(right, number)
    if not old.startswith("a/") or not new.startswith("b/"):
        raise DiffProblem("the file names of a diff must begin with a/ and b/", number)
    return old[2:], new[2:]


def _quoted_end(text: bytes, number: int) -> int:
    found = re.match(rb'"(?:\\.|[^"\\])*"', text)
    if found is None:
        raise DiffProblem("a quoted file name does not end", number)
    return found.end()


def _name(text: bytes, number: int) -> str:
    if text.startswith(b'"'):
        text = re.sub(rb"\\([0-7]{3}|.)", _unescaped, text[1 : _quoted_end(text, number) - 1])
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise DiffProblem("a file name is not UTF-8", number) from None


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) == 3:
        return bytes([int(code, 8) & 0xFF])
    return _ESCAPES.get(code, code)


def _read_hunk(lines: Sequence[bytes], index: int, hunk: re.Match[bytes]) -> tuple[Hunk, int]:
    lengths = [int(hunk[2] or 1), int(hunk[4] or 1)]
    start, index = index, index + 1
    sides: tuple[list[bytes], list[bytes]] = ([], [])
    marks = b""
    while max(lengths) > 0 or (index < len(lines) and lines[index].startswith(b"\\ ")):
        if index >= len(lines):
            raise DiffProblem("a hunk of the diff is cut off", start + 1)
        mark, line = lines[index][:1], lines[index][1:]
        if mark == b"\\":  # the line before has no newline at its end
            for side in _SIDES.get(marks[-1:], ()):
                sides[side][-1] = sides[side][-1].rstrip(b"\n")
        elif mark in (b"\n", b"\r"):  # an empty line of context, without its space
            mark, line = b" ", lines[index]
        if mark not in _SIDES and mark != b"\\":
            raise DiffProblem(
                "a hunk of the diff does not have the length that its header gives", index + 1
            )
        for side in _SIDES.get(mark, ()):
            sides[side].append(line)
            lengths[side] -= 1
        marks += mark if mark in _SIDES else b""
        index += 1
    read = Hunk(
        old_start=int(hunk[1]),
        new_start=int(hunk[3]),
        heading=hunk[5].strip().decode("utf-8", "replace"),
        old=tuple(sides[0]),
        new=tuple(sides[1]),
        leading=len(marks) - len(marks.lstrip(b" ")),
        trailing=len(marks) - len(marks.rstrip(b" ")),
    )
    return read, index


def _skip_binary(lines: Sequence[bytes], index: int) -> int:
    """`literal N` and `delta N` blocks, each ended by an empty line."""
    while index < len(lines) and lines[index].startswith((b"literal ", b"delta ")):
        while index < len(lines) and lines[index].strip():
            index += 1
        index += 1
    return index
