"""`replace`, `remove` and `wrap`: the code at the anchor makes room for something else.

How `already` is known: the code of the edit, with its holes and with the match in place of
`$MATCH`, is itself a pattern. It is trusted only if it says something that the original pattern did
not, because `$X` or `None` would be found anywhere.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Sequence

from forkctl.patching.engine import layout
from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.pattern import MATCHED, Pattern, hole_names, many_hole, one_hole
from forkctl.patching.engine.selectors import alias_text
from forkctl.patching.engine.splice import Splice, TextChange
from forkctl.patching.engine.task import Statements, Task
from forkctl.patching.engine.template import (
    Template,
    embedded,
    fill_expression,
    parsed_expression,
    spaced,
    with_match,
)
from forkctl.patching.model import Imports, Operation, Selector, Verb


def replace(task: Task) -> list[TextChange]:
    if isinstance(task.selector.target, Imports):
        return _replace_import(task, task.selector.target)
    if task.anchor.expression is not None and task.code.expression is not None:
        return [_replace_expression(task, task.anchor.expression)]
    nodes = task.whole_statements()
    place = layout.line_span(task.source, nodes)
    text = task.filled(place).removeprefix(place.indent)
    return [Splice(place.start, place.end, text.encode())]


def wrap(task: Task) -> list[TextChange]:
    """The same, with the matched text kept inside of the new."""
    if task.anchor.expression is not None and task.code.expression is not None:
        return [_replace_expression(task, task.anchor.expression)]
    nodes = task.whole_statements()
    place = layout.line_span(task.source, nodes)
    text = task.filled(place, with_match(task.anchor.env, nodes))
    # whole lines, so that a comment at the end of the last one stays with what it is about
    end = layout.line_content_end(task.source, place.last_line)
    return [Splice(task.source.line_start(place.first_line), end, text.encode())]


def remove(task: Task) -> list[TextChange]:
    if isinstance(task.selector.target, Imports):
        return _remove_names(task, task.selector.target)
    return [_removal(task, task.whole_statements())]


def _replace_expression(task: Task, node: ast.expr) -> Splice:
    source = task.source
    parent = source.parents[node]
    if any(isinstance(around, ast.JoinedStr) for around in source.ancestors(node)):
        raise Refusal(Code.LAYOUT, "the expression is inside an f-string")
    start, end = source.start(node), source.end(node)
    bare = isinstance(node, ast.GeneratorExp) and isinstance(parent, ast.Call)
    if bare and source.end(parent) == end:
        raise Refusal(Code.LAYOUT, "a bare generator shares its call's parentheses")
    env = with_match(task.anchor.env, (node,))
    ending = layout.line_end_of(source, source.line_at(start))
    filled = fill_expression(task.code, env, source, ending=ending)
    text = embedded(filled, parsed_expression(filled), parent, _field(parent, node))
    return Splice(start, end, spaced(source.data, start, end, text.encode()))


def _field(parent: ast.AST, node: ast.AST) -> str:
    for name, value in ast.iter_fields(parent):
        if value is node or (isinstance(value, list) and any(item is node for item in value)):
            return name
    raise AssertionError("a node is a field of its parent")


def _removal(task: Task, nodes: Statements) -> Splice:
    place = layout.line_span(task.source, nodes)
    block, _ = task.block_of(nodes)
    if len(block) == len(nodes) and block is not task.source.tree.body:
        return Splice(place.start, place.end, b"pass")  # a block cannot be empty
    first, last = place.first_line, place.last_line
    return Splice(task.source.line_start(first), task.source.next_line(last), b"")


def _replace_import(task: Task, wanted: Imports) -> list[TextChange]:
    (node,) = task.anchor.nodes
    assert isinstance(node, ast.ImportFrom)
    place = layout.line_span(task.source, (node,))
    text = task.filled(place)
    if len(node.names) == len(wanted.names):
        return [Splice(place.start, place.end, text.removeprefix(place.indent).encode())]
    offset = layout.after(task.source, place)
    lines = layout.insertion(task.source, offset, text, place.last_line)
    return [*_remove_names(task, wanted), Splice(offset, offset, lines, -len(place.indent))]


def _remove_names(task: Task, wanted: Imports) -> list[TextChange]:
    """Take names out of an import; the text of the others stays as it is."""
    (node,) = task.anchor.nodes
    assert isinstance(node, ast.ImportFrom)
    leaving = [alias_text(alias) in wanted.names for alias in node.names]
    if all(leaving):
        return [_removal(task, (node,))]
    source = task.source
    changes: list[TextChange] = []
    kept = [alias for alias, leaves in zip(node.names, leaving, strict=True) if not leaves]
    for index, alias in enumerate(node.names):
        if not leaving[index]:
            continue
        if all(leaving[index:]):  # nothing stays after it: take the comma before it
            changes.append(Splice(source.end(kept[-1]), source.end(node.names[-1]), b""))
            break
        changes.append(Splice(source.start(alias), source.start(node.names[index + 1]), b""))
    return changes


_REWRITES = (Verb.REPLACE, Verb.WRAP)


def result_selector(selector: Selector, operation: Operation) -> Selector | None:
    """Finds the places where the rewrite has been made; None if they cannot be recognised."""
    if operation.code is None:
        return None
    if operation.verb is Verb.ADD_KWARG:
        return _call_with_argument(selector, operation.code)
    if operation.verb not in _REWRITES:
        return None
    if isinstance(selector.target, Imports):
        nodes = tuple(operation.code.nodes)
        pattern = Pattern(operation.code.text, nodes, hole_names(nodes))
        return dataclasses.replace(selector, target=pattern)
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
        # what wraps a match contains it, and cannot be mistaken for anything else
        replaces = operation.verb is Verb.REPLACE
        if replaces and not _words(nodes) - _words(selector.target.nodes):
            return None
    if len(nodes) == 1 and isinstance(nodes[0], ast.Expr):
        nodes = (nodes[0].value,)
    holes = hole_names(nodes)
    where = tuple((hole, test) for hole, test in selector.where if hole in holes)
    return dataclasses.replace(
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
    return dataclasses.replace(selector, target=pattern, pick=None)


def _filled(nodes: Sequence[ast.AST], hole: str, content: Sequence[ast.AST]) -> tuple[ast.AST, ...]:
    filler = _Filler(hole, content)
    holder = ast.Module(body=list(nodes), type_ignores=[])  # type: ignore[arg-type]
    if nodes and isinstance(nodes[0], ast.expr):
        return (filler.visit(nodes[0]),)
    return tuple(filler.visit(holder).body)


class _Filler(ast.NodeTransformer):
    """Puts nodes in place of a hole: an expression anywhere, statements on a line of their own."""

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
    """What a pattern spells out: names, keywords, constants, kinds of statements."""
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
