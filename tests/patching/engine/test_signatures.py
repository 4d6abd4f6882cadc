"""One more parameter or keyword, in the layout that is there."""

from __future__ import annotations

import pytest

from forkctl.patching.model import EditStatus
from tests.patching.engine_support import Engine

CALL = "- {match: 'f($$$A)', add_kwarg: k=1}"
PARAM = "- {scope: f, add_param: k=1}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()\n", "f(k=1)\n"),
        ("f(a)\n", "f(a, k=1)\n"),
        ("f(a,)\n", "f(a, k=1,)\n"),
        ("f(a, **kw)\n", "f(a, k=1, **kw)\n"),
        ("f(**kw)\n", "f(k=1, **kw)\n"),
        ("f(*a)\n", "f(*a, k=1)\n"),
        ("f((a))\n", "f((a), k=1)\n"),
        ("f(a, g(b), (c))\n", "f(a, g(b), (c), k=1)\n"),
        ("f(\"(\", ')')\n", "f(\"(\", ')', k=1)\n"),
        ("f(a)(b)\n", "f(a, k=1)(b)\n"),
        ("f(\n    a,\n    b,\n)\n", "f(\n    a,\n    b,\n    k=1,\n)\n"),
        ("f(\n    a,\n    b\n)\n", "f(\n    a,\n    b,\n    k=1\n)\n"),
        ("f(\n    a,\n    b  # why\n)\n", "f(\n    a,\n    b,  # why\n    k=1\n)\n"),
        ("f(\n    a,  # one, two\n)\n", "f(\n    a,  # one, two\n    k=1,\n)\n"),
        ("f(\n    a,\n    # end\n)\n", "f(\n    a,\n    k=1,\n    # end\n)\n"),
        ("f(\n    a,\n    **kw,\n)\n", "f(\n    a,\n    k=1,\n    **kw,\n)\n"),
        ("f(a,\n  b)\n", "f(a,\n  b, k=1)\n"),
        ("f(\n    a, b\n)\n", "f(\n    a, b, k=1\n)\n"),
        (
            "f(\n    dict(\n        x=1,\n    ),\n)\n",
            "f(\n    dict(\n        x=1,\n    ),\n    k=1,\n)\n",
        ),
        ("f(  # nothing\n)\n", "f(  # nothing\nk=1)\n"),
        ("f('ü', b)  # ö\n", "f('ü', b, k=1)  # ö\n"),
        ("x = (f\n     (a))\n", "x = (f\n     (a, k=1))\n"),
        ("f(f'{a(1)}', b)\n", "f(f'{a(1)}', b, k=1)\n"),
    ],
)
def test_a_keyword_joins_a_call(engine: Engine, before: str, after: str) -> None:
    assert engine.result(before, CALL) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(): ...\n", "def f(k=1): ...\n"),
        ("def f(a): ...\n", "def f(a, k=1): ...\n"),
        ("def f(a=(1, 2), *, b): ...\n", "def f(a=(1, 2), *, b, k=1): ...\n"),
        ("def f(a, /): ...\n", "def f(a, /, k=1): ...\n"),
        ("def f(*args): ...\n", "def f(*args, k=1): ...\n"),
        ("def f(a, **kw) -> None: ...\n", "def f(a, k=1, **kw) -> None: ...\n"),
        ("def f(a, **kw: int): ...\n", "def f(a, k=1, **kw: int): ...\n"),
        (
            "@g(1)\ndef f(\n    a: int = 2,  # two\n) -> int:\n    pass\n",
            "@g(1)\ndef f(\n    a: int = 2,  # two\n    k=1,\n) -> int:\n    pass\n",
        ),
        ("async def f(a): ...\n", "async def f(a, k=1): ...\n"),
        ("def f(a=')'): ...\n", "def f(a=')', k=1): ...\n"),
    ],
)
def test_a_parameter_joins_a_signature(engine: Engine, before: str, after: str) -> None:
    assert engine.result(before, PARAM) == after


@pytest.mark.parametrize(
    "before", ["f()\n", "f(a)\n", "f(\n    a\n)\n", "f(\n    a,\n)\n", "f(**kw)\n"]
)
def test_several_keywords_keep_their_commas(engine: Engine, before: str) -> None:
    edits = """
        - {match: f($$$A), add_kwarg: k=1}
        - {match: f($$$A), add_kwarg: j=2}
    """
    result = engine.result(before, edits)
    flat = "".join(result.split()).replace(",)", ")")
    assert "k=1,j=2" in flat
    assert flat == "".join(before.split()).replace(",)", ")").replace("(a", "(a,k=1,j=2").replace(
        "()", "(k=1,j=2)"
    ).replace("(**", "(k=1,j=2,**")


def test_the_same_value_is_there_already_and_another_is_a_conflict(engine: Engine) -> None:
    assert engine.statuses("f(a, k=1)\n", CALL) == {EditStatus.ALREADY}
    assert engine.code("f(a, k=2)\n", CALL) == "conflict"
    assert engine.statuses("def f(k=1): ...\n", PARAM) == {EditStatus.ALREADY}
    assert engine.statuses("def f(k: int = 1): ...\n", PARAM) == {EditStatus.ALREADY}
    assert engine.code("def f(k=2): ...\n", PARAM) == "conflict"
    assert engine.code("def f(k): ...\n", PARAM) == "conflict"
    assert engine.code("def f(**k): ...\n", PARAM) == "conflict"


def test_a_call_that_is_described_in_full_is_found_again(engine: Engine) -> None:
    edit = "- {match: set_seed(args.seed), add_kwarg: device=True}"
    once = engine.result("set_seed(args.seed)\n", edit)
    assert once == "set_seed(args.seed, device=True)\n"
    assert engine.statuses(once, edit) == {EditStatus.ALREADY}


@pytest.mark.parametrize(
    ("before", "edit", "code"),
    [
        ("f(x for x in y)\n", CALL, "layout"),
        ("f'{f(a)}'\n", CALL, "layout"),
        ("def f(a=1): ...\n", "- {scope: f, add_param: b}", "kind"),
        ("class f: ...\n", PARAM, "kind"),
        ("x = y\n", "- {match: x = $V, add_kwarg: k=1}", "kind"),
    ],
)
def test_what_cannot_take_one_is_refused(engine: Engine, before: str, edit: str, code: str) -> None:
    assert engine.code(before, edit) == code


def test_a_required_parameter_may_follow_a_star(engine: Engine) -> None:
    edit = "- {scope: f, add_param: b}"
    assert engine.result("def f(a=1, *, c): ...\n", edit) == "def f(a=1, *, c, b): ...\n"


def test_a_keyword_may_use_holes(engine: Engine) -> None:
    edit = "- {match: 'DDP($M, $$$A)', add_kwarg: static=len($M) > 1}"
    assert engine.result("DDP(a or b)\n", edit) == "DDP(a or b, static=len(a or b) > 1)\n"
