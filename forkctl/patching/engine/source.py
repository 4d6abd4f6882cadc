"""One Python file as the engine sees it: its bytes, lines and tree, and the positions of nodes.

Everything is in bytes, because `ast` counts columns in UTF-8 bytes, and because bytes that are not
touched must come out as they went in, whatever their line ends.
"""

from __future__ import annotations

import ast
import bisect
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.scopes import Scope, ScopeIndex, index_scope, scopes_of

# What is Python depends on the Python that forkctl itself runs under.
OTHER_PYTHON = (
    f"this is Python {sys.version_info[0]}.{sys.version_info[1]}: run forkctl under a newer one "
    "if the file is written for it"
)
_DEFAULT_UNIT = "    "
BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True)
class Source:
    data: bytes
    starts: tuple[int, ...] = field(repr=False)  # the byte offset of each line
    tree: ast.Module = field(repr=False, compare=False)

    def start(self, node: ast.AST) -> int:
        """Where a node begins; for a decorated definition, at its first decorator."""
        if isinstance(node, ast.Module):
            return self.starts[0]
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = self.offset(decorators[0].lineno, decorators[0].col_offset)
            return self.data.rindex(b"@", 0, first)
        return self.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self.offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def text(self, node: ast.AST) -> str:
        return self.data[self.start(node) : self.end(node)].decode()

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def line_at(self, offset: int) -> int:
        """The line, counted from 1, of this byte."""
        return max(1, bisect.bisect_right(self.starts, offset))

    def line_start(self, line: int) -> int:
        return self.starts[line - 1]

    def next_line(self, line: int) -> int:
        """Where the following line begins, or the end of the file."""
        return self.starts[line] if line < len(self.starts) else len(self.data)

    def line(self, line: int) -> bytes:
        return self.data[self.line_start(line) : self.next_line(line)]

    @property
    def line_count(self) -> int:
        return len(self.starts)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        return tuple(scopes_of(self.tree))

    def index(self, scope: Scope, nested: bool) -> ScopeIndex:
        """The content of a scope, sorted for matching patterns; made once."""
        key = (scope.node, nested)
        if key not in self._indexes:
            self._indexes[key] = index_scope(scope, nested)
        return self._indexes[key]

    @cached_property
    def _indexes(self) -> dict[tuple[ast.AST, bool], ScopeIndex]:
        return {}

    @cached_property
    def unit(self) -> str:
        """One level of indentation in this file, as its blocks have it."""
        units = Counter(self._units())
        return units.most_common(1)[0][0] if units else _DEFAULT_UNIT

    def _units(self) -> Iterator[str]:
        for node in self.parents:
            body = getattr(node, "body", None)
            if not isinstance(body, list):
                continue
            # a `case` has no position of its own, but its pattern has
            header = node.pattern if isinstance(node, ast.match_case) else node
            outer = self._white_space(header.lineno)  # type: ignore[attr-defined]
            first = self.start(body[0])
            inner = self._white_space(self.line_at(first))
            # a body on the line of its header says nothing
            begins_line = self.line_start(self.line_at(first)) + len(inner) == first
            if begins_line and inner.startswith(outer) and inner != outer:
                yield inner[len(outer) :]

    def _white_space(self, line: int) -> str:
        """The indentation of a line."""
        text = self.line(line)
        return text[: len(text) - len(text.lstrip(b" \t"))].decode()

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Every node below the module, outermost first, and its parent.

        `ast.walk` takes twice the time, which matters when a whole history is searched.
        """
        found: dict[ast.AST, ast.AST] = {}
        pending: list[ast.AST] = [self.tree]
        for node in pending:  # grows while it is iterated over
            for name in node._fields:
                value = getattr(node, name, None)
                for child in value if isinstance(value, list) else (value,):
                    if isinstance(child, ast.AST) and not isinstance(child, ast.expr_context):
                        found[child] = node
                        pending.append(child)
        return found


@lru_cache(maxsize=4)  # one file is used several times in a row; trees are never changed
def parse_source(data: bytes) -> Source:
    """Parse a file, or refuse it with the code `parse`."""
    _require_utf8(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # upstream's invalid escapes do not concern us
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f" at line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = f"the file cannot be read{line}: {error}; {OTHER_PYTHON}"
        raise Refusal(Code.PARSE, message) from None
    return Source(data, _line_starts(data), tree)


def _require_utf8(data: bytes) -> None:
    for line in data[:1000].splitlines()[:2]:
        cookie = _COOKIE.match(line)
        if cookie and cookie[1].lower().replace(b"_", b"-") not in (b"utf-8", b"utf8", b"ascii"):
            raise Refusal(
                Code.PARSE, f"the file is encoded in {cookie[1].decode()}; forkctl reads only UTF-8"
            )
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Refusal(Code.PARSE, f"the file is not UTF-8 (byte {error.start})") from None


def _line_starts(data: bytes) -> tuple[int, ...]:
    # `ast` does not count the BOM in the columns of the first line
    first = len(BOM) if data.startswith(BOM) else 0
    starts = (first, *(found.end() for found in _LINE_END.finditer(data)))
    return starts[:-1] if len(starts) > 1 and starts[-1] == len(data) else starts
