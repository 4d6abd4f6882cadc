"""Where a line of code stands, in words that stay equal while the code around it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from forkctl.patching.engine.scopes import MODULE, Definition

_WORDS: dict[type[ast.AST], str] = {ast.ExceptHandler: "except", ast.match_case: "case"}


def place_of(tree: ast.Module, line: int) -> str:
    """What encloses a line, outermost first, as `train / if / try`; definitions by their names.

    A statement that begins on the line is not said to enclose it.
    """
    path: list[str] = []
    node: ast.AST | None = tree
    while node is not None:
        node = next((child for child in _children(node) if _spans(child, line)), None)
        if node is None or getattr(node, "lineno", 0) == line:
            break
        if isinstance(node, Definition):
            path.append(node.name)
        elif next(_children(node), None) is not None:
            path.append(_WORDS.get(type(node), type(node).__name__.lower()))
    return " / ".join(path) or MODULE


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield from block


def _spans(node: ast.AST, line: int) -> bool:
    if not hasattr(node, "lineno"):  # a `case` has no position of its own
        return any(_spans(child, line) for child in _children(node))
    end: int = node.end_lineno  # type: ignore[attr-defined]
    return bool(node.lineno <= line <= end)
