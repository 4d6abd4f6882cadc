"""A pattern: a piece of Python with holes, parsed once when the patch is loaded.

Before parsing, each hole becomes an identifier that nobody would write; afterwards functions here
tell such identifiers from ordinary ones. Text inside of string literals and comments is never
touched, so "$HOME" stays a string.
"""

from __future__ import annotations

import ast
import contextlib
import re
import textwrap
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

ANONYMOUS = "_"  # `$_` and `$$$_` match anything and bind nothing
MATCHED = "MATCH"  # in code: the text that was matched

_ONE = "__forkctl_one_"
_MANY = "__forkctl_many_"
_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
  | (?P<string>(?P<prefix>(?<![A-Za-z0-9_])[rRbBuUfF]{0,2})
      (?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | \$\$\$(?P<many>[A-Z_][A-Z0-9_]*)
  | \$(?P<one>[A-Z_][A-Z0-9_]*)
  | (?P<stray>\$)
    """,
    re.VERBOSE | re.DOTALL,
)


class PatternError(ValueError):
    """A pattern or piece of code that is not in the accepted form; the loader adds the line."""


def hide_holes(text: str) -> str:
    """`f($X, $$$A)` as text that Python can parse."""

    def replacement(found: re.Match[str]) -> str:
        if found["many"]:
            return _MANY + found["many"]
        if found["one"]:
            return _ONE + found["one"]
        if found["stray"]:
            raise PatternError("a hole is `$NAME` or `$$$NAME`, with a name in capital letters")
        if found["string"] and "f" in found["prefix"].lower() and re.search(r"\{\s*\$", found[0]):
            raise PatternError("holes inside an f-string are not supported: use a variable")
        return found[0]

    return _TOKEN.sub(replacement, text)


def show_holes(text: str) -> str:
    """The inverse of hide_holes, for messages."""
    return text.replace(_MANY, "$$$").replace(_ONE, "$")


def one_hole(identifier: str | None) -> str | None:
    """The name of a `$X` hole, if the identifier stands for one."""
    if identifier is not None and identifier.startswith(_ONE):
        return identifier[len(_ONE) :]
    return None


def many_hole(node: object) -> str | None:
    """The name of a `$$$A` hole, if a list element stands for one."""
    if isinstance(node, ast.Expr | ast.Starred):
        node = node.value
    if isinstance(node, ast.Name):
        identifier = node.id
    elif isinstance(node, ast.alias):
        identifier = node.name
    elif isinstance(node, ast.arg):
        identifier = node.arg
    else:
        return None
    return identifier[len(_MANY) :] if identifier.startswith(_MANY) else None


def holes_in(node: ast.AST) -> Mapping[str, int]:
    """How often each named hole occurs below a node, `$X` and `$$$A` alike."""
    counts: dict[str, int] = {}
    for child in ast.walk(node):
        for _, value in ast.iter_fields(child):
            if isinstance(value, str) and not isinstance(child, ast.Constant):
                name = _hole_name(value)
                if name is not None and name != ANONYMOUS:
                    counts[name] = counts.get(name, 0) + 1
    return counts


def _hole_name(identifier: str) -> str | None:
    for prefix in (_ONE, _MANY):
        if identifier.startswith(prefix):
            return identifier[len(prefix) :]
    return None


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
    """Parse the value of `match`, `inside` or `unless`."""
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
        raise PatternError("contains no code")
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
    """`$$$A` stands for several things, so it is allowed only where Python allows several."""
    for node in ast.walk(top):
        if isinstance(node, ast.Expr | ast.Starred):
            continue
        for value in (getattr(node, name, None) for name in node._fields):
            name = many_hole(value) if isinstance(value, ast.AST) else None
            if name is not None:
                raise PatternError(f"`$$${name}` is where only one thing is allowed: use `${name}`")


def _parse_handlers(code: str) -> tuple[ast.AST, ...]:
    try:
        (statement,) = _parse(f"try:\n    pass\n{code}").body
    except (SyntaxError, ValueError) as error:
        raise _not_python(code, error) from None
    if not isinstance(statement, ast.Try) or statement.orelse or statement.finalbody:
        raise PatternError("an `except` clause must be alone, without `else` or `finally`")
    return tuple(statement.handlers)


def _parse(code: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes do not concern us
        return ast.parse(code)


def _not_python(text: str, error: Exception) -> PatternError:
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return PatternError(f"is not Python ({reason}): {text.strip().splitlines()[0]}")


def dedented(text: str) -> str:
    """Code that starts in the first column; text that does so already is left as it is."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return textwrap.dedent(text) if first[:1].isspace() else text


def hole_names(nodes: tuple[ast.AST, ...]) -> frozenset[str]:
    return frozenset(name for node in nodes for name in holes_in(node))
