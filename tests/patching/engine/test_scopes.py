"""Scopes are named exactly once, or refused."""

from __future__ import annotations

import pytest

from tests.patching.engine_support import Engine

FILE = """
    import os
    try:
        def guarded():
            anchor()
    except ImportError:
        pass
    class A:
        def run(self):
            anchor()
            def inner():
                anchor(1)
        def other(self):
            pass
    class B:
        def run(self):
            anchor()
    if os:
        def twice():
            anchor()
    else:
        def twice():
            anchor()
    anchor()
"""


@pytest.mark.parametrize(
    ("scope", "line"),
    [
        ("guarded", 5),
        ("A.run", 10),
        ("B.run", 17),
        ("A.run.inner", 12),
        ("'*.run.inner'", 12),
        ("'**.inner'", 12),
        ("[missing, B.run]", 17),
        ("A.r?n", 10),
    ],
)
def test_a_scope_holds_its_own_statements(engine: Engine, scope: str, line: int) -> None:
    located = engine.locate(
        FILE, f"- {{scope: {scope}, match: 'anchor($$$A)', insert_before: x()}}"
    )
    assert [outcome.lines for outcome in located.outcomes] == [(line,)]


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("twice", "ambiguous-scope"),
        ("'*.run'", "ambiguous-scope"),
        ("'*'", "ambiguous-scope"),
        ("run", "no-scope"),
        ("A.missing", "no-scope"),
        ("inner", "no-scope"),
        ("A.other", "no-anchor"),
        ("A", "no-anchor"),
        ("[twice, A.run]", "ambiguous-scope"),
    ],
)
def test_a_scope_that_is_not_there_once_is_refused(engine: Engine, scope: str, code: str) -> None:
    edit = f"- {{scope: {scope}, match: 'anchor($$$A)', insert_before: x()}}"
    assert engine.code(FILE, edit) == code


def test_without_a_scope_only_the_module_itself_is_searched(engine: Engine) -> None:
    located = engine.locate(FILE, "- {match: anchor(), insert_before: x()}")
    assert located.outcomes[0].lines == (24,)


def test_nested_definitions_are_searched_when_asked(engine: Engine) -> None:
    edit = "- {scope: A, nested: true, expect: 2, match: 'anchor($$$A)', insert_before: x()}"
    assert engine.locate(FILE, edit).outcomes[0].lines == (10, 12)


def test_a_property_and_its_setter_are_two_definitions(engine: Engine) -> None:
    before = """
        class A:
            @property
            def x(self):
                return f()
            @x.setter
            def x(self, value):
                f()
    """
    assert engine.code(before, "- {scope: A.x, match: f(), insert_before: g()}") == (
        "ambiguous-scope"
    )


def test_decorators_and_defaults_belong_to_the_enclosing_scope(engine: Engine) -> None:
    before = """
        @wrap(anchor())
        def f(a=1):
            return 2
    """
    edit = "- {match: anchor(), insert_before: x()}"
    assert engine.result(before, edit).startswith("\nx()\n@wrap(anchor())\n")
    assert engine.code(before, "- {scope: f, match: anchor(), insert_before: x()}") == "no-anchor"
