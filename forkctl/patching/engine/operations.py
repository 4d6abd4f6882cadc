"""What is done at an anchor: each verb turns a place and a piece of code into changes of text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from forkctl.patching.engine.code import fill_expression, parsed_result
from forkctl.patching.engine.insertions import insert
from forkctl.patching.engine.layout import line_end_of
from forkctl.patching.engine.matcher import Mode
from forkctl.patching.engine.rewrites import remove, replace, wrap
from forkctl.patching.engine.signatures import add_kwarg, add_param
from forkctl.patching.engine.splice import Change
from forkctl.patching.engine.task import Task
from forkctl.patching.model import Verb

# `add_param` and `add_kwarg` are kept as Python of this form, so that they parse and take holes.
PARAM_FORM = ("def _(", "): pass")
KWARG_FORM = ("_(", ")")


def changes_at(task: Task) -> Sequence[Change]:
    """The changes that make the edit at its anchor; none where the file says so already."""
    return _VERBS[task.operation.verb](task)


def mode_of(verb: Verb, narrowed: bool) -> Mode:
    """How strictly an anchor must be described: in full where its text goes away."""
    rewrites = verb in (Verb.REPLACE, Verb.REMOVE) and not narrowed
    return Mode.EXACT if rewrites else Mode.LENIENT


def _add_param(task: Task) -> Sequence[Change]:
    function = task.code.nodes[0]
    assert isinstance(function, ast.FunctionDef)
    (parameter,) = [*function.args.args, *function.args.kwonlyargs]
    text = task.code.text.removeprefix(PARAM_FORM[0]).removesuffix(PARAM_FORM[1])
    change = add_param(task.source, task.anchor.nodes[0], parameter, text)
    return [change] if change is not None else []


def _add_kwarg(task: Task) -> Sequence[Change]:
    source, first = task.source, task.anchor.nodes[0]
    ending = line_end_of(source, source.line_at(source.start(first)))
    text = fill_expression(task.code, task.anchor.env, source, ending=ending)
    (statement,) = parsed_result(text)
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    node = task.anchor.nodes[0]
    if isinstance(node, ast.Expr):
        node = node.value
    text = text.removeprefix(KWARG_FORM[0]).removesuffix(KWARG_FORM[1])
    change = add_kwarg(task.source, node, statement.value.keywords[0], text)
    return [change] if change is not None else []


_VERBS: Mapping[Verb, Callable[[Task], Sequence[Change]]] = {
    Verb.INSERT_BEFORE: insert,
    Verb.INSERT_AFTER: insert,
    Verb.PREPEND: insert,
    Verb.APPEND: insert,
    Verb.REPLACE: replace,
    Verb.WRAP: wrap,
    Verb.REMOVE: remove,
    Verb.ADD_PARAM: _add_param,
    Verb.ADD_KWARG: _add_kwarg,
}
