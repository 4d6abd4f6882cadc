"""Putting one expression into another without changing how either is read."""

from __future__ import annotations

import ast

_CLOSED = (
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.JoinedStr,
)
# Places with delimiters of their own, where an operator needs no parentheses.
_DELIMITED = frozenset(
    {
        (ast.Assign, "value"),
        (ast.AnnAssign, "value"),
        (ast.AugAssign, "value"),
        (ast.Return, "value"),
        (ast.Expr, "value"),
        (ast.keyword, "value"),
        (ast.Call, "args"),
        (ast.List, "elts"),
        (ast.Set, "elts"),
        (ast.Subscript, "slice"),
        (ast.If, "test"),
        (ast.While, "test"),
    }
)
_NEVER_BARE = (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Tuple, ast.GeneratorExp, ast.Starred)


def embedded(text: str, node: ast.expr, parent: ast.AST, field: str) -> str:
    """The text of an expression, in parentheses if it needs them at that place."""
    if _is_enclosed(text, node):
        # `with (a, b):` would be two context managers
        return f"({text})" if isinstance(parent, ast.withitem) else text
    if "\n" in text and not _parses_alone(text):
        return f"({text})"
    if isinstance(node, ast.Constant) and isinstance(parent, ast.Attribute):
        return text if isinstance(node.value, str | bytes) else f"({text})"
    if isinstance(node, _CLOSED):
        return text
    if (type(parent), field) in _DELIMITED and not isinstance(node, _NEVER_BARE):
        return text
    return f"({text})"


def _is_enclosed(text: str, node: ast.expr) -> bool:
    """Whether the text brings its own brackets: a parenthesised tuple or generator."""
    if not isinstance(node, ast.Tuple | ast.GeneratorExp) or not text.startswith("("):
        return False
    # `(a), (b)` begins with a parenthesis too, but `f(a), (b)` is not one call
    return isinstance(ast.parse(f"f{text}", mode="eval").body, ast.Call)


def _parses_alone(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def spaced(data: bytes, start: int, end: int, text: bytes) -> bytes:
    """Keep a name that replaces a bracketed expression from growing into its neighbours."""

    def is_word(byte: bytes) -> bool:
        return byte.isalnum() or byte == b"_" or byte >= b"\x80"

    previous = data[:start].removeprefix(b"\xef\xbb\xbf")[-1:]  # a BOM is no neighbour
    left = b" " if is_word(previous) and is_word(text[:1]) else b""
    right = b" " if is_word(text[-1:]) and is_word(data[end : end + 1]) else b""
    return left + text + right
