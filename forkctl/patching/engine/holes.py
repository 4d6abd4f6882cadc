"""Holes: how `$X` and `$$$A` hide from the Python parser.

A pattern is Python with holes. Before it is parsed, each hole becomes an identifier that nobody
would write; afterwards these functions tell such identifiers from ordinary ones. Text inside
string literals and comments is never touched, so "$HOME" stays a string.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

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
    """A pattern or a piece of code that is not in the accepted form; the loader adds the line."""


def hide_holes(text: str) -> str:
    """`f($X, $$$A)` as text that the Python parser takes."""

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
    """How often each named hole occurs below a node; `$$$A` counts under its name as well."""
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
