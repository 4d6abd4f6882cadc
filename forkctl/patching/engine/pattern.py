"""A pattern: a piece of Python with holes, parsed once when the patch is loaded."""

from __future__ import annotations

import ast
import contextlib
import textwrap
import warnings
from dataclasses import dataclass, field

from forkctl.patching.engine.holes import (
    ANONYMOUS,
    PatternError,
    hide_holes,
    holes_in,
    many_hole,
    one_hole,
)


@dataclass(frozen=True)
class Pattern:
    """Either one expression, or a run of statements, or one `except` clause."""

    text: str
    nodes: tuple[ast.AST, ...] = field(repr=False, compare=False)
    holes: frozenset[str]

    @property
    def lists(self) -> frozenset[str]:
        """The names of its `$$$NAME` holes."""
        found = (many_hole(node) for top in self.nodes for node in ast.walk(top))
        return frozenset(name for name in found if name is not None and name != ANONYMOUS)

    @property
    def expression(self) -> ast.expr | None:
        node = self.nodes[0]
        return node if isinstance(node, ast.expr) else None


def parse_pattern(text: str) -> Pattern:
    """Parse what `match`, `inside`, `unless` hold."""
    nodes = parse_fragment(text)
    if len(nodes) == 1 and isinstance(nodes[0], ast.Expr):
        nodes = (nodes[0].value,)
    for node in nodes:
        if many_hole(node) is not None or (isinstance(node, ast.Name) and one_hole(node.id)):
            raise PatternError(f"`{text.strip()}` is a bare hole and would match anything")
    return Pattern(text.strip(), nodes, hole_names(nodes))


def parse_fragment(text: str, *, starred: bool = True) -> tuple[ast.AST, ...]:
    """The statements of a piece of code with holes, or the `except` clauses it consists of."""
    nodes = _nodes_of(text, starred)
    if not nodes:
        raise PatternError("holds no code")
    for top in nodes:
        _refuse_misplaced_lists(top)
    return nodes


def _nodes_of(text: str, starred: bool) -> tuple[ast.AST, ...]:
    code = hide_holes(dedented(text))
    if code.lstrip().startswith("except"):
        return _parse_handlers(code)
    try:
        return tuple(_parse(code).body)
    except SyntaxError as error:
        # `f(a=1, $$$REST)`: a positional argument may not follow a keyword, a starred one may
        with contextlib.suppress(SyntaxError):
            if starred and "$$$" in text:
                return tuple(_parse(hide_holes(dedented(text).replace("$$$", "*$$$"))).body)
        raise _not_python(text, error) from None


def _refuse_misplaced_lists(top: ast.AST) -> None:
    """`$$$A` stands for several things, so only where Python takes several."""
    for node in ast.walk(top):
        if isinstance(node, ast.Expr | ast.Starred):
            continue
        for value in (getattr(node, name, None) for name in node._fields):
            name = many_hole(value) if isinstance(value, ast.AST) else None
            if name is not None:
                raise PatternError(f"`$$${name}` stands where one thing is needed: use `${name}`")


def _parse_handlers(code: str) -> tuple[ast.AST, ...]:
    try:
        (statement,) = _parse(f"try:\n    pass\n{code}").body
    except (SyntaxError, ValueError) as error:
        raise _not_python(code, error) from None
    if not isinstance(statement, ast.Try) or statement.orelse or statement.finalbody:
        raise PatternError("an `except` clause stands alone, without `else` or `finally`")
    return tuple(statement.handlers)


def _parse(code: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's invalid escapes are not our business
        return ast.parse(code)


def _not_python(text: str, error: Exception) -> PatternError:
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return PatternError(f"is not Python ({reason}): {text.strip().splitlines()[0]}")


def dedented(text: str) -> str:
    """Code that starts in the first column; text that does already is left as it is."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return textwrap.dedent(text) if first[:1].isspace() else text


def hole_names(nodes: tuple[ast.AST, ...]) -> frozenset[str]:
    return frozenset(name for node in nodes for name in holes_in(node))
