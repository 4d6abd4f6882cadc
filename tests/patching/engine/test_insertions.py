"""Whole lines go beside statements, past what belongs to these, or are refused."""

from __future__ import annotations

import pytest

from forkctl.patching.model import EditStatus
from tests.patching.engine_support import Engine


def same(left: str, right: str) -> bool:
    import textwrap

    return left == textwrap.dedent(right)


def test_an_expression_anchors_the_statement_it_stands_in(engine: Engine) -> None:
    before = """
        def f():
            x = [
                g(1),
            ]
            return x
    """
    after = """
        def f():
            new()
            x = [
                g(1),
            ]
            return x
    """
    assert same(engine.result(before, "- {scope: f, match: g($X), insert_before: new()}"), after)


def test_insert_after_passes_trailing_and_deeper_comments(engine: Engine) -> None:
    before = """
        if a:
            b()  # one
            # two

                # three
        # about c
        c()
    """
    after = """
        if a:
            b()  # one
            # two

                # three
        new()
        # about c
        c()
    """
    assert same(engine.result(before, "- {match: 'if a: $$$B', insert_after: new()}"), after)


def test_append_passes_comments_at_the_end_of_the_body(engine: Engine) -> None:
    before = """
        def f():
            a()
            # still about a
        # outside
        b()
    """
    after = """
        def f():
            a()
            # still about a
            new()
        # outside
        b()
    """
    assert same(engine.result(before, "- {scope: f, append: new()}"), after)


def test_a_comment_after_a_blank_line_is_about_something_else(engine: Engine) -> None:
    before = """
        def f():
            a()

            # what is still to do
    """
    after = """
        def f():
            a()
            new()

            # what is still to do
    """
    assert same(engine.result(before, "- {scope: f, append: new()}"), after)


def test_a_decorator_belongs_to_the_definition(engine: Engine) -> None:
    before = """
        a()
        @wrap
        @other
        def f():
            pass
    """
    after = """
        a()
        new()
        @wrap
        @other
        def f():
            pass
        last()
    """
    edits = """
        - {scope: f, match: "@scope", insert_before: new()}
        - {scope: f, match: "@scope", insert_after: last()}
    """
    assert same(engine.result(before, edits), after)


def test_prepend_goes_after_docstring_and_future_imports(engine: Engine) -> None:
    before = '"""Doc."""\nfrom __future__ import annotations\n\nimport os\n'
    after = '"""Doc."""\nfrom __future__ import annotations\nimport sys\n\nimport os\n'
    assert engine.result(before, "- {prepend: import sys}") == after


def test_prepend_and_append_to_a_file_of_comments(engine: Engine) -> None:
    assert engine.result("# only this\n", "- {prepend: import sys}") == "# only this\nimport sys\n"
    assert engine.result("", "- {append: import sys}") == "import sys\n"


def test_prepend_stays_below_the_header_comments_of_a_module(engine: Engine) -> None:
    before = "#!/usr/bin/env python\n# licence\n\nimport os\n"
    after = "#!/usr/bin/env python\n# licence\n\nimport sys\nimport os\n"
    assert engine.result(before, "- {prepend: import sys}") == after


def test_a_body_of_only_a_docstring_takes_both_ends(engine: Engine) -> None:
    before = '''
        class A:
            """Doc."""
    '''
    after = '''
        class A:
            """Doc."""
            x = 1
            y = 2
    '''
    edits = """
        - {scope: A, prepend: x = 1}
        - {scope: A, append: y = 2}
    """
    assert same(engine.result(before, edits), after)


def test_an_except_clause_takes_statements(engine: Engine) -> None:
    before = """
        try:
            a()
        except OSError as error:
            log(error)
        finally:
            b()
    """
    after = """
        try:
            a()
        except OSError as error:
            first()
            log(error)
            raise
        finally:
            b()
    """
    edits = """
        - {match: "except OSError as $E: $$$B", prepend: first()}
        - {match: "except OSError as $E: $$$B", append: raise}
    """
    assert same(engine.result(before, edits), after)


@pytest.mark.parametrize(
    ("before", "edit", "code"),
    [
        ("a(); b()\n", "- {match: a(), insert_after: x()}", "layout"),
        ("a(); b()\n", "- {match: b(), insert_before: x()}", "layout"),
        ("a();\n", "- {match: a(), insert_after: x()}", "layout"),
        ("if a: b()\n", "- {match: b(), insert_before: x()}", "layout"),
        ("if a: b()\n", "- {match: 'if a: $$$B', prepend: x()}", "layout"),
        ("def f(): pass\n", "- {scope: f, append: x()}", "layout"),
        ("class A: x = 1\n", "- {scope: A, append: y = 2}", "layout"),
        ("a() \\\n\nb()\n", "- {match: a(), insert_after: x()}", "layout"),
        ("if a:\n  b()\nelif g():\n  d()\n", "- {match: g(), insert_before: x()}", "layout"),
        ("def f():\n  return g()\n", "- {scope: f, append: x()}", "kind"),
        ("def f():\n  return g()\n", "- {scope: f, match: g(), insert_after: x()}", "kind"),
        ("while a:\n  break\n", "- {match: break, insert_after: x()}", "kind"),
        ("with g():\n  b()\n", "- {match: g(), insert_after: x()}", "kind"),
        ("a()\n", "- {match: a(), append: x()}", "kind"),
        ("a()\n", "- {match: '@scope', insert_before: x()}", "kind"),
        (
            "@dataclass\nclass A:\n  x: int = 1\n",
            "- {scope: A, append: 'y: int'}",
            "kind",
        ),
    ],
)
def test_a_place_where_nothing_can_be_put_is_refused(
    engine: Engine, before: str, edit: str, code: str
) -> None:
    assert engine.code(before, edit) == code


def test_a_one_line_statement_can_have_neighbours(engine: Engine) -> None:
    edit = "- {match: 'if a: $$$B', insert_after: x()}"
    assert engine.result("if a: b()\nc()\n", edit) == "if a: b()\nx()\nc()\n"


def test_a_dataclass_field_with_a_default_is_taken(engine: Engine) -> None:
    before = "@dataclass(frozen=True)\nclass A:\n    x: int\n"
    edit = "- {scope: A, match: 'x: $T', insert_after: 'y: int = 2'}"
    assert engine.result(before, edit) == before + "    y: int = 2\n"


def test_insertions_at_one_place_keep_the_order_of_the_edits(engine: Engine) -> None:
    edits = """
        - {match: a(), insert_after: one()}
        - {match: b(), insert_before: three()}
        - {match: a(), insert_after: two()}
        - {match: b(), insert_before: four()}
    """
    assert engine.result("a()\nb()\n", edits) == "a()\none()\ntwo()\nthree()\nfour()\nb()\n"


def test_what_ends_a_block_comes_before_what_follows_it(engine: Engine) -> None:
    """Both go to the same byte; the wrong order would put `inner()` into the new `for`."""
    before = """
        if a:
            if b:
                c()
        d()
    """
    after = """
        if a:
            if b:
                c()
                inner()
            middle()
        for x in y:
            outer()
        d()
    """
    edits = """
        - match: d()
          insert_before: |
            for x in y:
                outer()
        - {match: "if b: $$$B", insert_after: middle()}
        - {match: c(), insert_after: inner()}
    """
    assert same(engine.result(before, edits), after)


def test_an_insertion_that_holds_its_own_anchor_is_made_once(engine: Engine) -> None:
    edit = """
        - match: step()
          insert_before: |
            if clip:
                step()
    """
    once = engine.result("a()\nstep()\n", edit)
    assert once == "a()\nif clip:\n    step()\nstep()\n"
    assert engine.statuses(once, edit) == {EditStatus.ALREADY}


def test_the_same_statement_further_away_is_not_the_insertion(engine: Engine) -> None:
    before = "collect()\na()\nstep()\n"
    edit = "- {match: step(), insert_before: collect()}"
    assert engine.result(before, edit) == "collect()\na()\ncollect()\nstep()\n"


def test_a_neighbour_that_is_only_a_hole_stands_for_nothing(engine: Engine) -> None:
    edits = """
        - {match: save($X), insert_before: $X}
        - {match: save($X), insert_before: first()}
    """
    before = "first()\nsecond()\nsave(a)\n"
    assert engine.result(before, edits) == "first()\nsecond()\na\nfirst()\nsave(a)\n"


def test_a_hole_brings_upstreams_own_expression(engine: Engine) -> None:
    before = "model = nn.DataParallel( a  if b else c )\n"
    edit = "- {match: nn.DataParallel($M), insert_before: 'check($M.device, $M)'}"
    assert engine.result(before, edit) == (
        "check((a  if b else c).device, a  if b else c)\n" + before
    )


IMPORT = "- {match: import robot, insert_after: from helpers import finetune}"


def test_an_import_goes_beside_a_match_that_always_runs(engine: Engine) -> None:
    before = """
        try:
            import robot
        except ImportError:
            robot = None
        import robot
    """
    after = engine.result(before, IMPORT)
    assert after.endswith("\nimport robot\nfrom helpers import finetune\n")


@pytest.mark.parametrize(
    "around",
    ["try:\n    {}\nexcept ImportError:\n    robot = None\n", "if x:\n    {}\n"],
)
def test_an_import_that_may_not_be_made_is_refused(engine: Engine, around: str) -> None:
    assert engine.code(around.format("import robot"), IMPORT) == "no-anchor"


def test_an_import_for_one_function_goes_where_it_matches(engine: Engine) -> None:
    edit = "- {scope: f, match: import robot, insert_after: import helpers}"
    after = engine.result("def f():\n    if x:\n        import robot\n", edit)
    assert after.endswith("        import robot\n        import helpers\n")


def test_an_import_beside_its_only_use_goes_into_the_function(engine: Engine) -> None:
    edit = "- {match: save($X), nested: true, insert_before: from helpers import save}"
    after = engine.result("def f():\n    if x:\n        save(1)\n", edit)
    assert after.endswith("        from helpers import save\n        save(1)\n")
