"""Edits of real code, held against the same edit made on the syntax tree.

The code is the standard library's: large, written by many hands, and on every machine. For a sample
of its statements and expressions, the statement itself is the pattern. The result must be, as a
tree, what the edit makes of the tree; and a second run must change nothing.
"""

from __future__ import annotations

import ast
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from forkctl.patching.engine.locate import Located, locate
from forkctl.patching.engine.pattern import PatternError, parse_pattern
from forkctl.patching.engine.scopes import Definition, nodes_in, scopes_of, statement_lists
from forkctl.patching.engine.splice import splice
from forkctl.patching.engine.template import parse_template
from forkctl.patching.model import Alternative, CodeEdit, Operation, Selector, Verb
from tests.patching.oracle import made

pytestmark = pytest.mark.slow

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MODULES = (
    "bdb.py",
    "calendar.py",
    "configparser.py",
    "csv.py",
    "dataclasses.py",
    "functools.py",
    "gettext.py",
    "platform.py",
    "zipapp.py",
)
CODE = "marker(1)\nif flag:\n    marker(2)"
STATEMENT_VERBS = {
    Verb.INSERT_BEFORE: CODE,
    Verb.INSERT_AFTER: CODE,
    Verb.REPLACE: CODE,
    Verb.REMOVE: None,
    Verb.WRAP: "with marker:\n    $MATCH",
}
EXPRESSION_CODE = ("g($MATCH)", "$MATCH + n", "not $MATCH", "$MATCH.attribute", "lambda: $MATCH")


def existing() -> list[str]:
    return [name for name in MODULES if (LIBRARY / name).is_file()]


def edited(scope: str, pattern: str, verb: Verb, code: str | None, data: bytes) -> Located | None:
    """Locate one edit; None where the text cannot be a pattern."""
    try:
        target = parse_pattern(pattern)
    except PatternError:
        return None
    operation = Operation(verb, parse_template(code) if code is not None else None)
    selector = Selector(scopes=(scope,), target=target)
    edit = CodeEdit("it", 1, (Alternative(selector, operation),))
    located = locate("a.py", data, [edit])
    if not located.failed and verb is not Verb.REMOVE and verb is not Verb.REPLACE:
        again = locate("a.py", splice(data, located.changes), [edit])
        assert again.changes == (), (scope, pattern, verb)
    return located


def statements(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt], int]]:
    """Every simple place: the scope's name, the list, the index in it."""
    scopes = list(scopes_of(tree))
    names = [scope.name for scope in scopes]
    for scope in scopes:
        pending: list[ast.AST] = [scope.node] if names.count(scope.name) == 1 else []
        while pending:
            for block in statement_lists(pending.pop()):
                for index, statement in enumerate(block):
                    if not isinstance(statement, Definition):
                        yield scope.name, block, index
                        pending += [statement, *getattr(statement, "handlers", [])]


@pytest.mark.parametrize("name", existing())
def test_statements(name: str) -> None:
    data = (LIBRARY / name).read_bytes()
    tree = ast.parse(data)
    choice = random.Random(name)
    tried = 0
    for scope, block, index in choice.sample(list(statements(tree)), 20):
        verb = choice.choice(list(STATEMENT_VERBS))
        pattern = ast.unparse(block[index])
        located = edited(scope, pattern, verb, STATEMENT_VERBS[verb], data)
        if located is None or not located.changes:
            continue  # it is there twice, shares its line, or looks made already
        before, line = list(block), block[index].lineno
        made(tree, block[index], verb.value, STATEMENT_VERBS[verb] or "")
        expected = ast.dump(tree)
        block[:] = before
        assert ast.dump(ast.parse(splice(data, located.changes))) == expected, f"{verb} at {line}"
        tried += 1
    assert tried >= 5


@pytest.mark.parametrize("name", existing())
def test_expressions(name: str) -> None:
    data = (LIBRARY / name).read_bytes().replace(b"\n", b"\r\n")
    tree = ast.parse(data)
    names = [scope.name for scope in scopes_of(tree)]
    kinds = ast.Call | ast.BinOp | ast.Compare | ast.IfExp | ast.Subscript | ast.BoolOp
    places = [
        (scope.name, node)
        for scope in scopes_of(tree)
        if names.count(scope.name) == 1
        for node in nodes_in(scope, nested=False)
        if isinstance(node, kinds)
        and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
    ]
    choice = random.Random(name)
    tried = 0
    for scope, node in choice.sample(places, min(25, len(places))):
        code = choice.choice(EXPRESSION_CODE)
        located = edited(scope, ast.unparse(node), Verb.WRAP, code, data)
        if located is None or not located.changes:
            continue
        expected = ast.parse(data)
        made(
            expected,
            next(each for each in ast.walk(expected) if stands_at(each, node)),
            "wrap",
            code,
        )
        result = ast.dump(ast.parse(splice(data, located.changes)))
        assert result == ast.dump(expected), f"{code} at line {node.lineno}"
        tried += 1
    assert tried >= 5


def stands_at(one: ast.AST, other: ast.expr) -> bool:
    """The same node of two equal trees."""
    names = ("lineno", "col_offset", "end_lineno", "end_col_offset")
    return type(one) is type(other) and all(
        getattr(one, name) == getattr(other, name) for name in names
    )
