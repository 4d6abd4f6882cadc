"""One value of a JSON or YAML file changes, and not a byte besides."""

from __future__ import annotations

import pytest

from forkctl.patching.model import EditStatus
from tests.patching.engine_support import Engine

JSON = '{\n  "a": 1, "b": {"c": [1, 2.50, "x"], "d e": null},\n\t"tab": "ü"\n}\n'
YAML = """\
# head
a: 1   # one
b:
  c: [1, 2.50, 'x']   # list
  "d e": ~
  # about f
  f:
  - g: yes
  -   h: |
        block
empty:
url: http://x/#y
last: {p: 1}   # end
"""


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        ("set: {path: a, value: 2}", '"a": 1', '"a": 2'),
        ("set: {path: b.c.1, value: text}", "2.50", '"text"'),
        ("set: {path: [b, d e], value: {z: [1]}}", "null", '{"z": [1]}'),
        ("set: {path: b.c, value: []}", '[1, 2.50, "x"]', "[]"),
        ("set: {path: tab, value: é}", '"ü"', '"é"'),
        ("add: {path: b.new, value: true}", "null}", 'null, "new": true}'),
        ("add: {path: new, value: 1}", '"ü"', '"ü",\n\t"new": 1'),
    ],
)
def test_json(engine: Engine, edit: str, old: str, new: str) -> None:
    assert engine.result(JSON, f"- {edit}", "x.json") == JSON.replace(old, new)


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        ("set: {path: a, value: 2}", "a: 1 ", "a: 2 "),
        ("set: {path: b.c.2, value: y z}", "'x'", "y z"),
        ("set: {path: [b, d e], value: 0.5}", "~", "0.5"),
        ("set: {path: b.f.0.g, value: false}", "yes", "false"),
        ("set: {path: b.f.0, value: 3}", "g: yes", "3"),
        ("set: {path: empty, value: 'true'}", "empty:", "empty: 'true'"),
        ("set: {path: url, value: 'a: b'}", "http://x/#y", "'a: b'"),
        ("add: {path: new.x, value: 1}", None, None),
        ("add: {path: last.q, value: s}", "{p: 1}", "{p: 1, q: s}"),
        ("add: {path: new, value: [1, a]}", "# end\n", '# end\nnew: [1, "a"]\n'),
        ("add: {path: b.f.0.i, value: 2}", "- g: yes\n", "- g: yes\n    i: 2\n"),
    ],
)
def test_yaml(engine: Engine, edit: str, old: str | None, new: str | None) -> None:
    if old is None or new is None:
        assert engine.code(YAML, f"- {edit}", "x.yaml") == "no-anchor"
    else:
        assert engine.result(YAML, f"- {edit}", "x.yaml") == YAML.replace(old, new)


@pytest.mark.parametrize("file", ["x.yaml", "x.json"])
def test_line_ends_and_bom_stay(engine: Engine, file: str) -> None:
    text = JSON if file == "x.json" else YAML
    before = ("\ufeff" + text.replace("\n", "\r\n")).encode()
    edits = "- set: {path: a, value: 2}\n- add: {path: new, value: 1}"
    result = engine.result_bytes(before, edits, file)
    plain = engine.result(text, edits, file)
    assert result == ("\ufeff" + plain.replace("\n", "\r\n")).encode()


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ("set: {path: missing, value: 1}", "no-anchor"),
        ("set: {path: b.c.7, value: 1}", "no-anchor"),
        ("set: {path: a.x, value: 1}", "no-anchor"),
        ("add: {path: a, value: 2}", "conflict"),
        ("add: {path: b.c.9, value: 2}", "kind"),
    ],
)
def test_what_is_not_there_is_not_set_and_what_is_there_is_not_added(
    engine: Engine, edit: str, code: str
) -> None:
    assert engine.code(JSON, f"- {edit}", "x.json") == code
    assert engine.code(YAML, f"- {edit}", "x.yaml") == code


def test_a_missing_key_names_those_near_it(engine: Engine) -> None:
    located = engine.locate('{"num_workers": 1}', "- set: {path: num_worker, value: 2}", "x.json")
    diagnosis = located.outcomes[0].diagnosis
    assert diagnosis is not None and "num_workers" in diagnosis.message


def test_made_twice_it_says_already(engine: Engine) -> None:
    edits = "- set: {path: b.c, value: [1]}\n- add: {path: n, value: {k: null}}"
    for file, text in (("x.json", JSON), ("x.yaml", YAML)):
        once = engine.result(text, edits, file)
        assert engine.statuses(once, edits, file) == {EditStatus.ALREADY}


def test_one_is_not_true_and_not_one_point_zero(engine: Engine) -> None:
    for value in ("true", "1.0", "'1'"):
        edit = f"- set: {{path: a, value: {value}}}"
        assert engine.statuses('{"a": 1}', edit, "x.json") == {EditStatus.APPLIED}


@pytest.mark.parametrize(
    ("before", "edit", "code"),
    [
        ("base: &b {x: 1}\nother: *b\n", "set: {path: other.x, value: 2}", "kind"),
        ("base: &b 1\nother: *b\n", "set: {path: other, value: 2}", "kind"),
        ("base: &b {x: 1}\nother: *b\n", "set: {path: base.x, value: 2}", "broken-result"),
        ("a: 1\na: 2\n", "set: {path: a, value: 3}", "ambiguous"),
        ("a: |\n  text\n", "set: {path: a, value: 3}", "layout"),
        ("a: [1\n", "set: {path: a, value: 3}", "parse"),
        ("", "set: {path: a, value: 3}", "parse"),
    ],
)
def test_what_would_change_more_than_one_value_is_refused(
    engine: Engine, before: str, edit: str, code: str
) -> None:
    assert engine.code(before, f"- {edit}", "x.yml") == code


LAUGHS = "l0: &l0 [a, a]\n" + "".join(
    f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("x.yaml", f"a: 1\n{LAUGHS}"),
        ("x.yaml", "a: &a [*a]\n"),
        ("x.yaml", "a: " + "[" * 100_000),
        ("x.yaml", "a: " + "{a: " * 100_000),
        ("x.json", '{"a": ' + "[" * 100_000),
    ],
)
def test_a_file_that_would_fill_the_memory_or_the_stack_is_refused(
    engine: Engine, name: str, before: str
) -> None:
    assert engine.code(before, "- set: {path: a, value: 3}", name) == "parse"


def test_numbers_as_keys(engine: Engine) -> None:
    assert engine.result("8080: a\n", "- set: {path: '8080', value: b}", "x.yaml") == "8080: b\n"


def test_two_values_join_one_mapping(engine: Engine) -> None:
    edits = "- add: {path: b.x, value: 1}\n- add: {path: b.y, value: 2}"
    assert engine.result('{"b": {"a": 0}}', edits, "x.json") == '{"b": {"a": 0, "x": 1, "y": 2}}'
    assert engine.result('{"b": {}}', edits[: edits.index("\n")], "x.json") == '{"b": {"x": 1}}'
