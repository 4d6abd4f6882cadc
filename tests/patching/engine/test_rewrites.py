"""Replace, remove and wrap change what they show, and nothing around it."""

from __future__ import annotations

import textwrap

import pytest

from forkctl.patching.model import EditStatus
from tests.patching.engine_support import Engine


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        # an operator keeps its meaning
        ("y = a * f(x)\n", "{match: f($X), replace: $X + 1}", "y = a * (x + 1)\n"),
        ("y = f(x)\n", "{match: f($X), replace: $X + 1}", "y = x + 1\n"),
        ("y = f(a if b else c)\n", "{match: f($X), replace: $X.z}", "y = (a if b else c).z\n"),
        ("y = f(1).real\n", "{match: f($X), replace: $X}", "y = (1).real\n"),
        ("f(g(x), 2)\n", "{match: g($X), replace: 'lambda: $X'}", "f(lambda: x, 2)\n"),
        ("y = f(x)[0]\n", "{match: f($X), replace: 'await $X'}", None),
        ("for x in f(y): pass\n", "{match: f($X), replace: '($X, 1)'}", "for x in (y, 1): pass\n"),
        ("with f(): pass\n", "{match: f(), replace: '(a, b)'}", "with ((a, b)): pass\n"),
        ("y = not[1]\n", "{match: '[1]', replace: z}", "y = not z\n"),
        ("y = [1]if a else 2\n", "{match: '[1]', replace: z}", "y = z if a else 2\n"),
        (
            "y = f(x, *r, k=1)\n",
            "{match: 'f($$$A)', replace: 'g(0, $$$A)'}",
            "y = g(0, x, *r, k=1)\n",
        ),
        ("y = f()\n", "{match: 'f($$$A)', replace: 'g($$$A, k=1)'}", "y = g(k=1)\n"),
        ("y = f()\n", "{match: 'f($$$A)', replace: 'g(0, $$$A)'}", "y = g(0)\n"),
        (
            "y = f('ü', x)  # ö\n",
            "{match: 'f($A, $B)', replace: 'g($B, $A)'}",
            "y = g(x, 'ü')  # ö\n",
        ),
        ("f(\n    x  # why\n)\n", "{match: x, replace: y}", "f(\n    y  # why\n)\n"),
        ("f(a\n  .b())\n", "{match: f($X), replace: g($X)}", "g((a\n  .b()))\n"),
        ("x = 1  # one\ny()\n", "{match: x = 1, replace: x = 2}", "x = 2  # one\ny()\n"),
        ("x = f(1)\n", '{match: x = $V, replace: "x = g($V)"}', "x = g(f(1))\n"),
        (
            "try:\n    a()\nexcept:\n    pass\n",
            "{match: 'except: pass', replace: 'except OSError: raise'}",
            "try:\n    a()\nexcept OSError: raise\n",
        ),
    ],
)
def test_replace(engine: Engine, before: str, edit: str, after: str | None) -> None:
    if after is None:
        located = engine.locate(before, f"- {edit}")
        assert b"(await x)" in located.changes[0].text  # type: ignore[union-attr]
    else:
        assert engine.result(before, f"- {edit}") == after


def test_statements_replace_a_statement(engine: Engine) -> None:
    before = """
        class A:
          def f(self):
            if self.on:
              go(1,
                 2)  # fast
            return 1
    """
    edit = """
        - scope: A.f
          match: go($$$A)
          replace: |
            for try_ in range(3):
                if go($$$A):
                    break
            else:
                stop()
    """
    after = """
        class A:
          def f(self):
            if self.on:
              for try_ in range(3):
                if go(1,
                 2):
                  break
              else:
                stop()  # fast
            return 1
    """
    assert engine.result(before, edit) == textwrap.dedent(after)


@pytest.mark.parametrize(
    ("before", "edit", "code"),
    [
        ("if a:\n  b()\nelse:\n  c()\n", "{match: 'if a: $$$B', remove: true}", "no-anchor"),
        ("x: int = 1\n", "{match: x = 1, replace: x = 2}", "no-anchor"),
        ("@d\ndef f():\n  pass\n", "{match: 'def f(): $$$B', remove: true}", "no-anchor"),
        ("y = f(x)\n", "{match: f(x), remove: true}", "kind"),
        ("y = f(x)\n", "{match: f(x), replace: 'for a in b: pass'}", "kind"),
        ("y = f(x)\n", "{match: f(x), wrap: 'if a: $MATCH'}", "kind"),
        ("a(); b()\n", "{match: a(), remove: true}", "layout"),
        ("if a: b()\n", "{match: b(), wrap: 'if c: $MATCH'}", "layout"),
        ("f'{g(x)}'\n", "{match: g(x), replace: h(x)}", "layout"),
        ("f(x for x in y)\n", "{match: $X for $X in y, replace: z}", None),
    ],
)
def test_what_would_lose_code_is_refused(
    engine: Engine, before: str, edit: str, code: str | None
) -> None:
    if code is not None:
        assert engine.code(before, f"- {edit}") == code


def test_a_bare_generator_keeps_its_calls_parentheses(engine: Engine) -> None:
    edit = "- {match: '($X for $X in y)', replace: z}"
    assert engine.code("f(x for x in y)\n", edit) == "layout"
    assert engine.result("f((x for x in y))\n", edit) == "f(z)\n"


@pytest.mark.parametrize(
    ("before", "names", "after"),
    [
        ("from a import x, y, z\n", "[x]", "from a import y, z\n"),
        ("from a import x, y, z\n", "[y]", "from a import x, z\n"),
        ("from a import x, y, z\n", "[y, z]", "from a import x\n"),
        ("from a import x, y, z\n", "[x, z]", "from a import y\n"),
        ("from a import x, y as w  # c\n", "[y as w]", "from a import x  # c\n"),
        ("from a import (\n    x,\n    y,\n)\n", "[x]", "from a import (\n    y,\n)\n"),
        ("from a import (\n    x,\n    y,\n)\n", "[y]", "from a import (\n    x,\n)\n"),
        ("from a import x\nb()\n", "[x]", "b()\n"),
        ("if t:\n    from a import x\n", "[x]", "if t:\n    pass\n"),
    ],
)
def test_names_leave_an_import(engine: Engine, before: str, names: str, after: str) -> None:
    edit = f"- {{import_from: {{module: a, names: {names}}}, remove: true}}"
    assert engine.result(before, edit) == after


def test_a_replaced_import_keeps_its_other_names(engine: Engine) -> None:
    edit = "- {import_from: {module: a, names: [x]}, replace: from b import x}"
    assert engine.result("from a import x, y\n", edit) == "from a import y\nfrom b import x\n"
    assert engine.result("from a import x  # c\n", edit) == "from b import x  # c\n"
    assert engine.statuses("from a import y\nfrom b import x\n", edit) == {EditStatus.ALREADY}


def test_wrap_moves_a_whole_block_with_its_comments(engine: Engine) -> None:
    before = '''
        def f():
        \twith a:  # why
        \t\tb = """
          kept
        """
        # far left
        \t\tc(1,
        \t\t  2)  # last

        \td()
    '''
    after = '''
        def f():
        \tif on:
        \t\twith a:  # why
        \t\t\tb = """
          kept
        """
        # far left
        \t\t\tc(1,
        \t\t\t  2)  # last

        \td()
    '''
    edit = """
        - scope: f
          match: "with $A: $$$B"
          wrap: |
            if on:
                $MATCH
    """
    assert engine.result(before, edit) == textwrap.dedent(after)


def test_wrapped_text_is_upstreams_own(engine: Engine) -> None:
    before = "x = f( 1,2 )*3\n"
    assert engine.result(before, "- {match: 'f($$$A)', wrap: g($MATCH)}") == "x = g(f( 1,2 ))*3\n"


@pytest.mark.parametrize(
    "edit",
    [
        "{match: 'f($$$A)', wrap: g($MATCH)}",
        "{match: 'f($$$A)', wrap: not $MATCH}",
        "{match: 'f($$$A)', wrap: 'lambda: $MATCH'}",
        '{match: x = $V, wrap: "if on:\\n    $MATCH"}',
        "{match: f($X), replace: 'g($X, 1)'}",
        "{match: f($X), at: X, replace: h(y)}",
        '{match: x = f($X), replace: "if on:\\n    x = f($X)\\nelse:\\n    x = 0"}',
    ],
)
def test_a_rewrite_is_made_once(engine: Engine, edit: str) -> None:
    once = engine.result("x = f(1)\n", f"- {edit}")
    located = engine.locate(once, f"- {edit}")
    assert located.changes == ()
    assert {outcome.status for outcome in located.outcomes} == {EditStatus.ALREADY}, once


def test_a_rewrite_elsewhere_and_one_to_do_are_two_places(engine: Engine) -> None:
    edit = "- {match: f($X), replace: 'g($X, 1)'}"
    assert engine.code("a = g(1, 1)\nb = f(2)\n", edit) == "ambiguous"
    both = "- {match: f($X), expect: 2, replace: 'g($X, 1)'}"
    assert engine.result("a = g(1, 1)\nb = f(2)\n", both) == "a = g(1, 1)\nb = g(2, 1)\n"


def test_what_could_stand_anywhere_is_not_taken_for_the_result(engine: Engine) -> None:
    """`f($X)` -> `$X` leaves nothing behind that could be told from other code."""
    assert engine.code("a = b\n", "- {match: f($X), replace: $X}") == "no-anchor"
    assert engine.code("a = None\n", "- {match: f($X), replace: None}") == "no-anchor"


def test_a_missing_removal_counts_as_made_only_with_the_rest_of_the_patch(engine: Engine) -> None:
    edits = """
        - {id: top, match: import slow, remove: true}
        - {id: use, scope: f, prepend: import slow}
    """
    after = "def f():\n    import slow\n    slow.go()\n"
    assert engine.result("import slow\ndef f():\n    slow.go()\n", edits) == after
    assert engine.statuses(after, edits) == {EditStatus.ALREADY}
    assert engine.code("import slow as s\ndef f():\n    s.go()\n", edits) == "no-anchor"


def test_edits_of_one_patch_may_not_overlap(engine: Engine) -> None:
    edits = """
        - {match: f($X), replace: g($X)}
        - {match: y, replace: z}
    """
    assert engine.code("f(y)\n", edits) == "overlap"


def test_a_run_of_statements_is_wrapped_as_one(engine: Engine) -> None:
    edit = """
        - match: |
            a()
            b($X)
          wrap: |
            if on:
                $MATCH
    """
    before = "a()  # one\n\n# two\nb(2)  # three\nc()\n"
    after = "if on:\n    a()  # one\n\n    # two\n    b(2)  # three\nc()\n"
    assert engine.result(before, edit) == after
    assert engine.statuses(after, edit) == {EditStatus.ALREADY}


def test_statements_side_by_side_can_both_go(engine: Engine) -> None:
    edits = """
        - {match: a(), remove: true}
        - {match: b(), remove: true}
    """
    assert engine.result("a()\nb()\nc()\n", edits) == "c()\n"


def test_neighbouring_edits_do_not_overlap(engine: Engine) -> None:
    edits = """
        - {match: a(), insert_after: one()}
        - {match: b(), replace: two()}
        - {match: b(), insert_after: three()}
        - {match: c(), remove: true}
        - {match: c(), insert_before: four()}
    """
    assert engine.result("a()\nb()\nc()\n", edits) == "a()\none()\ntwo()\nthree()\nfour()\n"
