"""What has the shape of a pattern, and what does not."""

from __future__ import annotations

import ast

import pytest

from forkctl.patching.engine.matcher import Mode
from forkctl.patching.engine.pattern import PatternError, parse_pattern
from forkctl.patching.engine.scopes import Scope, index_scope
from forkctl.patching.engine.selectors import normal_text, pattern_matches


def found(pattern: str, code: str, mode: Mode = Mode.EXACT) -> list[dict[str, str]]:
    """The holes of every match in a module."""
    scope = Scope("<module>", ast.parse(code))
    return [
        {name: normal_text(bound) for name, bound in env.items()}
        for _, env in pattern_matches(index_scope(scope, True), parse_pattern(pattern), mode)
    ]


@pytest.mark.parametrize(
    ("pattern", "code", "expected"),
    [
        ("f($X)", "f(a + 1)", [{"X": "a + 1"}]),
        ("f($X)", "f(a, b)", []),
        ("f($X)", "f(*a)", []),
        ("f($X)", "f(x=a)", []),
        ("a[$I]", "a[1:2]", []),
        ("$F = g($F)", "x = g(x)", [{"F": "x"}]),
        ("$F = g($F)", "x = g(y)", []),
        ("$F = g($F)", "a.b[0] = g(a.b[0])", [{"F": "a.b[0]"}]),
        ("$_ = g($_)", "x = g(y)", [{}]),
        ("f($$$A)", "f()", [{"A": ""}]),
        ("f($$$A)", "f(1, k=2)", [{"A": "1\nk=2"}]),
        ("f($$$A, 3)", "f(1, 2, 3)", [{"A": "1\n2"}]),
        ("f($X, $$$A)", "f()", []),
        ("f(k=$K)", "f(k=1, j=2)", []),
        ("f(k=$K, $$$A)", "f(0, j=2, k=1)", [{"K": "1", "A": "0\nj=2"}]),
        ("f(b=1, a=2)", "f(a=2, b=1)", [{}]),
        ("f($$$A, **$KW)", "f(1, **more)", [{"A": "1", "KW": "more"}]),
        ("f($K=$V)", "f(lr=1)", [{"K": "lr", "V": "1"}]),
        ("self.$N = $V", "self.width = 3", [{"N": "width", "V": "3"}]),
        ("from a import b", "from a import b, c", []),
        ("from a import b", "from a import b", [{}]),
        ("from a import b", "from .a import b", []),
        ("from a import $$$N", "from a import b, c", [{"N": "b\nc"}]),
        ("import $M", "import torch", [{"M": "torch"}]),
        ("x = 1", "x = True", []),
        ("x = 1", "x = 1.0", []),
        ("x = 'a'", 'x = "a"', [{}]),
        ("x = 'ab'", "x = ('a'  # c\n     'b')", [{}]),
        ("x", "x = 1", []),
        ("x", "y = x", [{}]),
        ("print(r)", "z = [print(r)]", [{}]),
        ("if $C: $$$B", "if a:\n  b()\n  c()", [{"C": "a", "B": "b()\nc()"}]),
        ("if $C: $$$B", "if a: b()\nelse: c()", []),
        (
            "def $F($$$P): $$$B",
            "def f(a, *, b=1, **c): pass",
            [{"F": "f", "P": "a\nb\nc", "B": "pass"}],
        ),
        ("def f(a, b=$D): $$$_", "def f(a, b=2): pass", [{"D": "2"}]),
        ("def f(a, b): $$$_", "def f(a, b=2): pass", []),
        (
            "class $C($$$B): $$$_",
            "class A(X, metaclass=M): pass",
            [{"C": "A", "B": "X\nmetaclass=M"}],
        ),
        ("except OSError: $$$B", "try: a()\nexcept OSError: b()", [{"B": "b()"}]),
        ("except OSError: $$$B", "try: a()\nexcept OSError as e: b()", []),
        (
            "except $E as $N: $$$B",
            "try: a()\nexcept X as e: b()",
            [{"E": "X", "N": "e", "B": "b()"}],
        ),
        ("a()\nb()", "a()\nb()", [{}]),
        ("a()\nb()", "a()\nc()\nb()", []),
        ("with $W: $S", "with a: b()", [{"W": "a", "S": "b()"}]),
        ("with $W: $S", "with a:\n  b()\n  c()", []),
        ("$A + $A", "x + x", [{"A": "x"}]),
        ("lambda: $X", "f(lambda: 3)", [{"X": "3"}]),
        ("[$$$A, 2]", "[1, 2]", [{"A": "1"}]),
        ("f('$X')", "f('$X')", [{}]),
        ("f(-0.0)", "f(0.0)", []),
    ],
)
def test_exact(pattern: str, code: str, expected: list[dict[str, str]]) -> None:
    assert found(pattern, code) == expected


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("x = $V", "x: int = 1"),
        ("if $C: $$$B", "if a: b()\nelse: c()"),
        ("for $X in $Y: $$$B", "for a in b: c()\nelse: d()"),
        ("def f(a): $$$B", "@g\ndef f(a: int) -> int: pass"),
        ("class C: $$$B", "@dataclass\nclass C: pass"),
    ],
)
def test_what_a_pattern_does_not_mention_matters_only_where_it_would_be_lost(
    pattern: str, code: str
) -> None:
    assert len(found(pattern, code, Mode.LENIENT)) == 1
    assert found(pattern, code, Mode.EXACT) == []


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("x: int = $V", "x = 1"),
        ("if $C: $$$B\nelse: $$$E", "if a: b()"),
        ("@g\ndef f(): $$$B", "def f(): pass"),
        ("def f(a: int): $$$B", "def f(a): pass"),
        ("x = $V", "x: int"),
        ("x = $V", "x += 1"),
    ],
)
def test_what_a_pattern_does_mention_must_be_there(pattern: str, code: str) -> None:
    assert found(pattern, code, Mode.LENIENT) == []


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("$X", "bare hole"),
        ("$$$X", "bare hole"),
        ("f(", "not Python"),
        ("f($x)", "capital letters"),
        ("f(k=$$$A)", "one thing"),
        ("$$$A.b", "one thing"),
        ('f(f"{$X}")', "f-string"),
        ("# only a comment", "no code"),
        ("try: $$$A\nexcept", "not Python"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(PatternError, match=complaint):
        parse_pattern(pattern)
