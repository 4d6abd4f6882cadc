"""`replace`, `remove` and `wrap`: what stands at the anchor makes room for something else."""

from __future__ import annotations

import ast

from forkctl.patching.engine import layout
from forkctl.patching.engine.code import fill_expression, parsed_expression, with_match
from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.expressions import embedded, spaced
from forkctl.patching.engine.selectors import alias_text
from forkctl.patching.engine.splice import Change, Splice
from forkctl.patching.engine.task import Statements, Task
from forkctl.patching.model import Imports


def replace(task: Task) -> list[Change]:
    if isinstance(task.selector.target, Imports):
        return _replace_import(task, task.selector.target)
    if task.anchor.expression is not None and task.code.expression is not None:
        return [_replace_expression(task, task.anchor.expression)]
    nodes = task.whole_statements()
    place = layout.extent(task.source, nodes)
    text = task.filled(place).removeprefix(place.indent)
    return [Splice(place.start, place.end, text.encode())]


def wrap(task: Task) -> list[Change]:
    """The same, with the matched text kept inside the new."""
    if task.anchor.expression is not None and task.code.expression is not None:
        return [_replace_expression(task, task.anchor.expression)]
    nodes = task.whole_statements()
    place = layout.extent(task.source, nodes)
    text = task.filled(place, with_match(task.anchor.env, nodes))
    # whole lines, so that a comment at the end of the last one stays with what it is about
    end = layout.line_content_end(task.source, place.last_line)
    return [Splice(task.source.line_start(place.first_line), end, text.encode())]


def remove(task: Task) -> list[Change]:
    if isinstance(task.selector.target, Imports):
        return _remove_names(task, task.selector.target)
    return [_removal(task, task.whole_statements())]


def _replace_expression(task: Task, node: ast.expr) -> Splice:
    source = task.source
    parent = source.parents[node]
    if any(isinstance(around, ast.JoinedStr) for around in source.ancestors(node)):
        raise Refusal(Code.LAYOUT, "the expression stands inside an f-string")
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
    place = layout.extent(task.source, nodes)
    block, _ = task.block_of(nodes)
    if len(block) == len(nodes) and block is not task.source.tree.body:
        return Splice(place.start, place.end, b"pass")  # a block must hold something
    first, last = place.first_line, place.last_line
    return Splice(task.source.line_start(first), task.source.next_line(last), b"")


def _replace_import(task: Task, wanted: Imports) -> list[Change]:
    (node,) = task.anchor.nodes
    assert isinstance(node, ast.ImportFrom)
    place = layout.extent(task.source, (node,))
    text = task.filled(place)
    if len(node.names) == len(wanted.names):
        return [Splice(place.start, place.end, text.removeprefix(place.indent).encode())]
    offset = layout.after(task.source, place)
    lines = layout.insertion(task.source, offset, text, place.last_line)
    return [*_remove_names(task, wanted), Splice(offset, offset, lines, -len(place.indent))]


def _remove_names(task: Task, wanted: Imports) -> list[Change]:
    """Take names out of an import; those that stay keep their text."""
    (node,) = task.anchor.nodes
    assert isinstance(node, ast.ImportFrom)
    leaving = [alias_text(alias) in wanted.names for alias in node.names]
    if all(leaving):
        return [_removal(task, (node,))]
    source = task.source
    changes: list[Change] = []
    kept = [alias for alias, leaves in zip(node.names, leaving, strict=True) if not leaves]
    for index, alias in enumerate(node.names):
        if not leaving[index]:
            continue
        if all(leaving[index:]):  # nothing stays behind it: take the comma before it
            changes.append(Splice(source.end(kept[-1]), source.end(node.names[-1]), b""))
            break
        changes.append(Splice(source.start(alias), source.start(node.names[index + 1]), b""))
    return changes
