"""`insert_before`, `insert_after`, `prepend` and `append`: whole lines beside existing ones.

An insertion is `already` made if the same statements are right beside the anchor, with nothing in
between but what other edits of the same run insert.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.patching.engine import layout
from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.matcher import Mode, match_run, same_code
from forkctl.patching.engine.scopes import statement_lists
from forkctl.patching.engine.splice import BEFORE_NEXT, Splice
from forkctl.patching.engine.task import Statements, Task
from forkctl.patching.engine.template import fill_statements, parsed_result
from forkctl.patching.model import Verb

INSERTIONS = (Verb.INSERT_BEFORE, Verb.INSERT_AFTER, Verb.PREPEND, Verb.APPEND)
_NEVER_RETURN = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True)
class _Gap:
    """Between two statements of a block: where the new ones go."""

    block: Statements
    index: int  # block[:index] is before the gap
    neighbour: int  # the statement that the new lines are placed by: index - 1 or index
    looks_back: bool  # if the new statements are there already, they are before the gap
    body_end: bool = False


def insert(task: Task) -> list[Splice]:
    """The one change of the insertion; none if it has been made."""
    gap = _gap(task)
    new = _new_statements(task)
    if _found_beside(task, gap, new):
        return []
    _refuse_dead_code(task, gap)
    _refuse_field_without_default(task, gap, new)
    if not gap.block:
        return [_into_empty_module(task)]
    place = layout.line_span(task.source, [gap.block[gap.neighbour]])
    text = task.filled(place)
    if gap.neighbour == gap.index:
        offset, rank = layout.before(task.source, place), BEFORE_NEXT
    else:
        offset = layout.after(task.source, place, same_indent=gap.body_end)
        rank = -len(place.indent)
    lines = layout.insertion(task.source, offset, text, place.last_line)
    return [Splice(offset, offset, lines, rank)]


def inserted_already(task: Task) -> Statements:
    """The statements of this insertion, if the file has them already."""
    return _found_beside(task, _gap(task), _new_statements(task))


def _new_statements(task: Task) -> Statements:
    text = fill_statements(
        task.code, task.anchor.env, task.source, indent="", unit="    ", ending="\n"
    )
    return parsed_result(text)


def _gap(task: Task) -> _Gap:
    verb = task.operation.verb
    if verb in (Verb.PREPEND, Verb.APPEND):
        node = task.anchor.nodes[0]
        body = getattr(node, "body", None)
        if len(task.anchor.nodes) != 1 or not isinstance(body, list):
            raise Refusal(Code.KIND, f"`{verb.value}` needs a statement with a body")
        if verb is Verb.APPEND and body:
            return _Gap(body, len(body), len(body) - 1, looks_back=True, body_end=True)
        header = _header_length(node, body)
        return _Gap(body, header, header - 1 if header else 0, looks_back=False)
    nodes = _statements_around(task)
    block, start = task.block_of(nodes)
    if verb is Verb.INSERT_BEFORE:
        return _Gap(block, start, start, looks_back=True)
    end = start + len(nodes)
    return _Gap(block, end, end - 1, looks_back=False)


def _statements_around(task: Task) -> Statements:
    """The statement that holds an expression; statements as they are."""
    node = task.anchor.nodes[0]
    if isinstance(node, ast.ExceptHandler):
        raise Refusal(Code.KIND, "an `except` clause takes only `prepend`, `append` and `replace`")
    if task.anchor.expression is None:
        return task.whole_statements()
    statement = next(n for n in task.source.ancestors(node) if isinstance(n, ast.stmt))
    has_body = any(True for _ in statement_lists(statement))
    if task.operation.verb is Verb.INSERT_AFTER and has_body:
        raise Refusal(
            Code.KIND,
            "the expression is in the header of a block: match the whole statement, "
            "or use `prepend`",
        )
    return (statement,)


def _header_length(node: ast.AST, body: Sequence[ast.stmt]) -> int:
    """How many statements must stay first: a docstring, imports from __future__."""
    count = 0
    definitions = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, definitions) and ast.get_docstring(node, clean=False) is not None:
        count = 1
    if isinstance(node, ast.Module):
        while count < len(body) and _is_future_import(body[count]):
            count += 1
    return count


def _is_future_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _found_beside(task: Task, gap: _Gap, new: Statements) -> Statements:
    rest = list(gap.block[: gap.index] if gap.looks_back else gap.block[gap.index :])

    def nearest(size: int) -> Statements:
        return rest[-size:] if gap.looks_back else rest[:size]

    while True:
        if same_code(nearest(len(new)), new):
            return nearest(len(new))
        for other in task.neighbours:
            if match_run(other, nearest(len(other)), Mode.EXACT) is not None:
                rest = rest[: -len(other)] if gap.looks_back else rest[len(other) :]
                break
        else:
            return ()


def _refuse_dead_code(task: Task, gap: _Gap) -> None:
    if gap.neighbour < gap.index and gap.block:
        last = gap.block[gap.neighbour]
        if isinstance(last, _NEVER_RETURN):
            raise Refusal(
                Code.KIND,
                f"code after `{type(last).__name__.lower()}` would never run: "
                "use `insert_before` on that statement",
                lines=(last.lineno,),
            )


def _refuse_field_without_default(task: Task, gap: _Gap, new: Statements) -> None:
    """A dataclass field without a default, after one that has one, fails only at import."""
    owner = task.source.parents.get(gap.block[0]) if gap.block else None
    if not isinstance(owner, ast.ClassDef):
        return
    if not any("dataclass" in ast.unparse(decorator) for decorator in owner.decorator_list):
        return
    for node in new:
        if isinstance(node, ast.AnnAssign) and node.value is None:
            raise Refusal(
                Code.KIND,
                f"`{ast.unparse(node)}`: a field added to a dataclass needs a default",
            )


def _into_empty_module(task: Task) -> Splice:
    source, end = task.source, len(task.source.data)
    text = fill_statements(task.code, {}, source, indent="", unit="    ", ending="\n")
    return Splice(end, end, layout.insertion(source, end, text, source.line_count))
