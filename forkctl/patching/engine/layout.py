"""Where text can be put into a file, and how it must be indented there.

Every refusal here has the code `layout`: the place was found, but a statement shares its line with
other code, so that text cannot be put there without rewriting upstream's.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.source import Source

_ONLY_COMMENT = re.compile(rb"[ \t\f]*(#[^\r\n]*)?[\r\n]*\Z")
_COMMENT_LINE = re.compile(rb"([ \t]*)#")
_DEFAULT_UNIT = 4


@dataclass(frozen=True)
class LineSpan:
    """The lines that a run of statements (or one `except` clause) takes up."""

    start: int  # the first byte of the code
    end: int  # past its last byte
    first_line: int
    last_line: int
    indent: str


def line_span(source: Source, nodes: Sequence[ast.AST]) -> LineSpan:
    """The lines of statements; refused if they share a line with other code."""
    start, end = source.start(nodes[0]), source.end(nodes[-1])
    first, last = source.line_at(start), source.line_at(max(start, end - 1))
    before = source.data[source.line_start(first) : start]
    after = source.data[end : source.next_line(last)]
    if source.data.startswith(b"elif", start) and isinstance(nodes[0], ast.If):
        raise Refusal(
            Code.LAYOUT,
            f"line {first} is an `elif`: nothing can be put before or around it",
            lines=(first,),
        )
    if before.strip(b" \t"):
        raise Refusal(
            Code.LAYOUT, f"line {first} has other code before the statement", lines=(first,)
        )
    if not _ONLY_COMMENT.match(after):
        raise Refusal(Code.LAYOUT, f"line {last} has other code after the statement", lines=(last,))
    return LineSpan(start, end, first, last, before.decode())


def before(source: Source, place: LineSpan) -> int:
    return source.line_start(place.first_line)


def after(source: Source, place: LineSpan, *, same_indent: bool = False) -> int:
    """Where the line after a statement begins, past the comments that belong to the statement.

    Those are comments indented deeper than the statement and, with `same_indent` (the end of a
    body), comments at its own indentation.
    """
    line = place.last_line
    ahead = line + 1
    while ahead <= source.line_count:
        text = source.line(ahead)
        comment = _COMMENT_LINE.match(text)
        if comment is not None:
            indent = comment[1].decode()
            if not indent.startswith(place.indent) or (indent == place.indent and not same_indent):
                break
            if indent == place.indent and ahead > line + 1:
                break  # after a blank line it may be about something else
            line = ahead
        elif text.strip():
            break
        ahead += 1
    return source.next_line(line)


def line_content_end(source: Source, line: int) -> int:
    """Where the text of a line ends, before its line end."""
    return source.line_start(line) + len(source.line(line).rstrip(b"\r\n"))


def line_end_of(source: Source, line: int) -> str:
    """The line end in use at this line; a file with mixed ones keeps its mix."""
    for number in (line, line - 1, line + 1):
        if 1 <= number <= source.line_count:
            text = source.line(number)
            ending = text[len(text.rstrip(b"\r\n")) :]
            if ending:
                return ending[:2].decode() if ending.startswith(b"\r\n") else ending[:1].decode()
    return "\n"


def insertion(source: Source, offset: int, text: str, line: int) -> bytes:
    """The text as whole lines, to be put where a line begins or at the end of the file."""
    ending = line_end_of(source, line)
    if offset == len(source.data) and offset and source.data[-1:] not in (b"\n", b"\r"):
        return (ending + text).encode()  # the file has no final line end, and keeps it so
    return (text + ending).encode()


def own_unit(nodes: Sequence[ast.AST]) -> int:
    """How many columns one level of indentation takes in a piece of a patch's own code."""
    for top in nodes:
        for node in ast.walk(top):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(node, ast.stmt | ast.ExceptHandler):
                step = body[0].col_offset - node.col_offset
                if body[0].lineno != node.lineno and step > 0:
                    return int(step)
    return _DEFAULT_UNIT


def map_indent(white: str, unit: int, new_unit: str) -> str:
    """The indentation of a line of a patch's code, in the file's own unit."""
    columns = len(white.expandtabs(8))
    return new_unit * (columns // unit) + " " * (columns % unit)


def string_interiors(lines: str) -> frozenset[int]:
    """The lines, counted from 1, that begin inside of a string: they are never re-indented."""
    inside: set[int] = set()
    open_strings: list[int] = []
    opener = getattr(tokenize, "FSTRING_START", None)
    closer = getattr(tokenize, "FSTRING_END", None)
    reader = io.StringIO(f"if 1:\n{lines}\n").readline  # a block may begin indented
    try:
        for token in tokenize.generate_tokens(reader):
            if token.type == tokenize.STRING:
                inside.update(range(token.start[0], token.end[0]))
            elif opener is not None and token.type == opener:
                open_strings.append(token.start[0])
            elif closer is not None and token.type == closer:
                inside.update(range(open_strings.pop(), token.end[0]))
    except (tokenize.TokenError, IndentationError):
        pass  # an incomplete piece: what came before its end is known
    return frozenset(inside)
