"""Bytes that an edit does not touch come out as they went in, whatever their layout."""

from __future__ import annotations

import pytest

from tests.patching.engine_support import Engine

EDITS = """
    - scope: f
      match: b($X)
      insert_before: |
        if $X:
            c(
                $X,
            )
    - {scope: f, match: b($X), insert_after: d()}
    - {scope: f, append: "text = '''\\n  kept\\n'''"}
"""
BEFORE = "def f():\n    a()\n    b('é')  # è\n"
AFTER = (
    "def f():\n    a()\n    if 'é':\n        c(\n            'é',\n        )\n"
    "    b('é')  # è\n    d()\n    text = '''\n  kept\n'''\n"
)


def tabs(text: str) -> str:
    return "\n".join(
        "\t" * ((len(line) - len(line.lstrip(" "))) // 4) + line.lstrip(" ")
        if not line.startswith("  kept")
        else line
        for line in text.split("\n")
    )


def two(text: str) -> str:
    return "\n".join(
        line
        if line.startswith("  kept")
        else " " * ((len(line) - len(line.lstrip(" "))) // 2) + line.lstrip(" ")
        for line in text.split("\n")
    )


@pytest.mark.parametrize(
    "variant",
    [
        str,
        tabs,
        two,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: tabs(text).replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: "# -*- coding: utf-8 -*-\n" + text,
    ],
    ids=["plain", "tabs", "two", "crlf", "tabs-crlf", "bom", "bom-crlf", "no-final-eol", "cookie"],
)
def test_a_variant_of_the_file_gives_the_same_variant_of_the_result(
    engine: Engine, variant: type[str]
) -> None:
    result = engine.result_bytes(variant(BEFORE).encode(), EDITS)
    assert result == variant(AFTER).encode()


def test_mixed_line_ends_stay_mixed(engine: Engine) -> None:
    before = b"a()\r\nb()\nc()\r\nd()\n"
    edits = """
        - {match: a(), insert_after: one()}
        - {match: b(), insert_after: two()}
        - {match: d(), insert_before: three()}
    """
    after = b"a()\r\none()\r\nb()\ntwo()\nc()\r\nthree()\nd()\n"
    assert engine.result_bytes(before, edits) == after


def test_the_unit_is_read_off_real_blocks(engine: Engine) -> None:
    """Aligned arguments and docstrings with other indentations do not count."""
    before = (
        "def f(a,\n        b):\n  '''Doc.\n\n      deep\n        deeper\n  '''\n"
        "  if a:\n    return 1\n  x = [\n      1,\n      2,\n  ]\n  return b\n"
    )
    edit = """
        - scope: f
          match: return b
          insert_before: |
            while a:
                if b:
                    g()
    """
    assert "  while a:\n    if b:\n      g()\n  return b\n" in engine.result(before, edit)


def test_a_match_statement_has_blocks_too(engine: Engine) -> None:
    before = "match x:\n  case 1:\n    a()\n  case _:\n    b()\n"
    edit = "- {match: b(), insert_before: 'if y: c()'}"
    after = before.replace("    b()", "    if y: c()\n    b()")
    assert engine.result(before, edit) == after
    deeper = '- {match: b(), insert_before: "if y:\\n    c()"}'
    assert "    if y:\n      c()\n    b()\n" in engine.result(before, deeper)


def test_code_in_another_unit_is_mapped(engine: Engine) -> None:
    edit = '- {match: a(), insert_after: "if x:\\n  if y:\\n    z()"}'
    before = "a()\nif q:\n\tr()\n"
    assert engine.result(before, edit) == "a()\nif x:\n\tif y:\n\t\tz()\nif q:\n\tr()\n"


def test_form_feeds_and_odd_line_breaks_in_strings_are_no_lines(engine: Engine) -> None:
    before = "s = 'a\x0cb\u2028c\x85'\n\x0c\ndef f():\n    b()\n"
    result = engine.result(before, "- {scope: f, match: b(), insert_before: a()}")
    assert result == before.replace("    b()", "    a()\n    b()")


def test_columns_are_bytes(engine: Engine) -> None:
    before = "ünïcode = 'äöü', f('ß', x), 'é'\n"
    assert engine.result(before, "- {match: 'f($A, $B)', replace: 'g($B)'}") == (
        "ünïcode = 'äöü', g(x), 'é'\n"
    )


@pytest.mark.parametrize(
    "before",
    [
        b"def f(:\n",
        "x = 'é'\n".encode("latin-1"),
        "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
        b"x = 1\x00\n",
        b"  x = 1\n",
    ],
)
def test_what_is_no_python_in_utf8_is_refused(engine: Engine, before: bytes) -> None:
    assert engine.code(before, "- {match: a(), insert_after: b()}") == "parse"
