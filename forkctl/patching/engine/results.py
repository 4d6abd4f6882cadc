"""What a file looks like once a rewrite has been made: how `replace` and `wrap` know `already`.

The code of the edit, with its holes and with the match in place of `$MATCH`, is itself a pattern.
It is only trusted when it says something that the original pattern did not, because `$X` or `None`
would be found anywhere.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import replace

from forkctl.patching.engine.code import Template
from forkctl.patching.engine.holes import MATCHED, many_hole, one_hole
from forkctl.patching.engine.pattern import Pattern, hole_names
from forkctl.patching.model import Imports, Operation, Selector, Verb

_REWRITES = (Verb.REPLACE, Verb.WRAP)


def result_selector(selector: Selector, operation: Operation) -> Selector | None:
    """Finds the places where the rewrite has been made, or None where that cannot be told."""
    if operation.code is None:
        return None
    if operation.verb is Verb.ADD_KWARG:
        return _call_with_argument(selector, operation.code)
    if operation.verb not in _REWRITES:
        return None
    if isinstance(selector.target, Imports):
        nodes = tuple(operation.code.nodes)
        return replace(selector, target=Pattern(operation.code.text, nodes, hole_names(nodes)))
    if selector.target is None:
        return None
    code: Sequence[ast.AST] = copy.deepcopy(operation.code.nodes)
    if selector.at is not None:
        if operation.code.expression is None:
            return None
        fill: Sequence[ast.AST] = (copy.deepcopy(operation.code.expression),)
        nodes = _filled(copy.deepcopy(selector.target.nodes), selector.at, fill)
    else:
        nodes = _filled(code, MATCHED, copy.deepcopy(selector.target.nodes))
        # what wraps a match holds it, and cannot be taken for anything else
        replaces = operation.verb is Verb.REPLACE
        if replaces and not _words(nodes) - _words(selector.target.nodes):
            return None
    if len(nodes) == 1 and isinstance(nodes[0], ast.Expr):
        nodes = (nodes[0].value,)
    holes = hole_names(nodes)
    where = tuple((hole, test) for hole, test in selector.where if hole in holes)
    return replace(
        selector,
        target=Pattern(operation.code.text, nodes, holes),
        where=where,
        at=None,
        pick=None,
    )


def _call_with_argument(selector: Selector, code: Template) -> Selector | None:
    """`f(x)` as a pattern no longer matches once `add_kwarg` has made it `f(x, k=1)`."""
    new = code.expression
    if selector.at is not None or not isinstance(selector.target, Pattern):
        return None
    call = selector.target.expression
    if not isinstance(call, ast.Call) or not isinstance(new, ast.Call):
        return None
    if any(many_hole(argument) is not None for argument in call.args):
        return None  # the pattern still matches, and the operation looks at the keyword itself
    call = copy.deepcopy(call)
    call.keywords.append(copy.deepcopy(new.keywords[0]))
    pattern = Pattern(selector.target.text, (call,), selector.target.holes)
    return replace(selector, target=pattern, pick=None)


def _filled(nodes: Sequence[ast.AST], hole: str, content: Sequence[ast.AST]) -> tuple[ast.AST, ...]:
    filler = _Filler(hole, content)
    holder = ast.Module(body=list(nodes), type_ignores=[])  # type: ignore[arg-type]
    if nodes and isinstance(nodes[0], ast.expr):
        return (filler.visit(nodes[0]),)
    return tuple(filler.visit(holder).body)


class _Filler(ast.NodeTransformer):
    """Puts nodes where a hole stands: an expression anywhere, statements on a line of its own."""

    def __init__(self, hole: str, content: Sequence[ast.AST]) -> None:
        self.hole = hole
        self.content = content

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.AST]:
        if self._is_hole(node.value) and isinstance(self.content[0], ast.stmt):
            return list(self.content)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self._is_hole(node) and isinstance(self.content[0], ast.expr):
            return self.content[0]
        return node

    def _is_hole(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and one_hole(node.id) == self.hole


def _words(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Everything that a pattern says in so many words: names, keywords, constants, statements."""
    words: set[str] = set()
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Constant):
                if node.value is not None and node.value is not Ellipsis:
                    words.add(f"={node.value!r}")
            elif isinstance(node, ast.stmt) and not isinstance(node, ast.Expr | ast.Pass):
                words.add(f"<{type(node).__name__}>")
            for name, value in ast.iter_fields(node):
                if isinstance(value, str) and name != "value" and one_hole(value) is None:
                    words.add(value)
    return frozenset(words)
