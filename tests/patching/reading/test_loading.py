"""A patch file that is not in the accepted form: file, line, and what is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from forkctl.errors import UsageError
from forkctl.patching.model import DataEdit, StructuralPatch
from forkctl.patching.reading.loading import all_series, load_patch, load_series
from tests.patching.engine_support import patch_file

HEAD = "subject: S\nwhy: W\nfiles:\n  - file: a.py\n    edits:\n"


def refusal(folder: Path, text: str) -> tuple[str, str]:
    """`line: message` and the hint."""
    path = folder / "0001-x.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_patch(path, "s")
    where = (caught.value.where or "").removeprefix(str(path)).lstrip(":")
    return f"{where}: {caught.value.message}", caught.value.hint or ""


@pytest.mark.parametrize(
    ("edit", "message", "hint"),
    [
        ("{match: a(), insert_befor: b()}", "6: unknown key `insert_befor`", "`insert_before`"),
        ("{match: a(), Match: b()}", "6: unknown key `Match`", "`match`"),
        ("{match: a(), match: b(), remove: true}", "6: the key `match` is there twice", ""),
        ("{match: a()}", "6: an edit needs one operation, but has none", "insert_before"),
        ("{match: a(), remove: true, append: b()}", "needs one operation, but has append", ""),
        ("{insert_before: a()}", "`insert_before` needs `match`", ""),
        ("{match: $X, remove: true}", "bare hole", ""),
        ("{match: 'f(', remove: true}", "is not Python", ""),
        ("{match: f($X), replace: g($Y)}", "uses `$Y`, which the pattern does not fill", ""),
        ("{match: f($X), wrap: g($X)}", "`wrap` must contain `$MATCH` once", ""),
        ("{match: f($X), replace: g($MATCH)}", "only in `wrap`", ""),
        ("{match: a(), remove: yes please}", "`remove` must be true or false", ""),
        ("{match: a(), remove: false}", "`remove` must be `true`", ""),
        ("{match: a(), remove: true, pick: first}", "`pick` needs `expect`", ""),
        ("{match: a(), remove: true, expect: 2, pick: other}", "`pick` must be", ""),
        (
            "{match: a(), remove: true, expect: many}",
            "`expect: many` is not a number or range",
            "1..3",
        ),
        ("{match: a(), remove: true, expect: 3..2}", "can never hold", ""),
        ("{match: a(), remove: true, expect: 0}", "can never hold", ""),
        ("{match: f($X), remove: true, where: {Y: x}}", "`where` names `Y`", ""),
        ("{match: f($X), remove: true, where: {X: '('}}", "not a regular expression", ""),
        ("{match: f($X), replace: 1, at: Y}", "`at: Y` must name a hole", ""),
        ("{match: 'f($X, $X)', replace: 1, at: X}", "`at: X` must name a hole", ""),
        ("{match: a(), remove: true, scope: a b}", "`a b` is not a scope", "Class.method"),
        ("{match: a(), remove: true, inside: b()}", "needs one statement with a `$$$NAME`", ""),
        ("{match: a(), import_from: {module: m, names: n}, remove: true}", "not both", ""),
        ("{import_from: m, remove: true}", "needs a module and names", "module: a.b"),
        ("{scope: f, add_param: 'a, b'}", "is not one argument", "name=default"),
        ("{scope: f, add_param: '*a'}", "is not one argument", ""),
        ("{match: f(), add_kwarg: a}", "is not one argument", "name=value"),
        ("{match: f(), add_kwarg: '**a'}", "is not one argument", ""),
        ("{match: '@scope', remove: true}", "needs a pattern that shows everything", ""),
        ("{match: 'except $E: $$$B', replace: a()}", "only with `except`", ""),
        ("{match: a(), append: 'except: pass'}", "may only replace an `except`", ""),
        ("{set: {path: a, value: 1}}", "unknown key `set`", ""),
        ("{match: [a], remove: true}", "must be text", ""),
        ("just text", "an edit must be a mapping", ""),
        ("{any_of: [], remove: true}", "must be a list with at least one", ""),
        ("{any_of: [{match: a(), unless: b()}], remove: true}", "unknown key `unless`", ""),
    ],
)
def test_an_edit(tmp_path: Path, edit: str, message: str, hint: str) -> None:
    said, hinted = refusal(tmp_path, HEAD + f"      - {edit}\n")
    assert message in said
    assert said.startswith("6:")
    assert hint in hinted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a: [", "2: is not YAML"),
        ("subject: S\nwhy: W\n", "1: a patch needs `files`"),
        ("subject: S\nwhy: W\nfile: x\n", "3: unknown key `file`"),
        ("subject: >\n  a\n\n  b\nwhy: W\nfiles: []\n", "`files` must be a list"),
        (HEAD.replace("subject: S", f"subject: {'x' * 81}") + "      - {append: a()}\n", "80"),
        (HEAD + "      - {append: a()}\n      - {id: '1', append: b()}\n", "the id `1` is there"),
        (HEAD.replace("a.py", "a.txt") + "      - {append: a()}\n", "not a Python"),
        (HEAD.replace("a.py", "../a.py") + "      - {append: a()}\n", "'..'"),
        (HEAD.replace("a.py", "/a.py") + "      - {append: a()}\n", "is not a relative path"),
        (
            HEAD.replace("a.py", "x/.GIT/a.py") + "      - {append: a()}\n",
            "leads into a .git directory",
        ),
        (HEAD + "      - {append: a()}\n  - file: a.py\n    edits: [{append: b()}]\n", "twice"),
        ("when: {file: a.py, has: '$X'}\n" + HEAD + "      - {append: a()}\n", "1: `$X` is a bare"),
        ("when: {has: a()}\n" + HEAD + "      - {append: a()}\n", "1: a condition of `when` needs"),
    ],
)
def test_a_patch(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("{set: {path: a}}", "`set` needs `path` and `value`"),
        ("{set: {path: a, value: 1}, add: {path: b, value: 1}}", "`set` or `add`"),
        ("{set: {path: a..b, value: 1}}", "keys separated by dots"),
        ("{match: a(), remove: true}", "unknown key `match`"),
        ("{set: {path: a, value: 2020-01-01}}", "neither text nor a number, but date"),
        ("{set: {path: a, value: {b: !!binary aGk=}}}", "neither text nor a number, but bytes"),
        ("{set: {path: a, value: &a [*a]}}", "stands for what it is in"),
        ("{set: {path: a, value: &a {b: *a}}}", "stands for what it is in"),
        ("{set: {path: &a [*a], value: 1}}", "stands for what it is in"),
    ],
)
def test_an_edit_of_a_data_file(tmp_path: Path, edit: str, message: str) -> None:
    said, _ = refusal(tmp_path, HEAD.replace("a.py", "a.json") + f"      - {edit}\n")
    assert message in said


def test_a_long_patch_of_few_levels_is_read(tmp_path: Path) -> None:
    edits = "".join(f"      - {{id: e{n}, match: 'f({n})', remove: true}}\n" for n in range(600))
    (tmp_path / "0001-x.yaml").write_text(HEAD + edits)
    patch = load_patch(tmp_path / "0001-x.yaml", "s")
    assert isinstance(patch, StructuralPatch)
    assert len(patch.files[0].edits) == 600


def test_a_patch_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "0007-name.yaml"
    path.write_text("forks: [x, y]\n" + HEAD + "      - {append: a()}\n")
    patch = load_patch(path, "s")
    assert isinstance(patch, StructuralPatch)
    assert (patch.name, patch.series, patch.subject, patch.why) == ("0007-name.yaml", "s", "S", "W")
    assert patch.forks == ("x", "y")
    assert patch.touched == ("a.py",)
    digest = patch.digest
    path.write_text(path.read_text() + "# a comment\n")
    assert load_patch(path, "s").digest != digest


def test_a_series_is_sorted_and_its_numbers_are_used_once(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    for name in ("0002-b.yaml", "0001-a.yaml"):
        patch_file(folder, "- {append: a()}", "a.py", name)
    (folder / "README.md").write_text("notes")
    (folder / ".0003-c.yaml.swp").write_text("an editor's")
    assert [patch.name for patch in load_series(tmp_path, "s")] == ["0001-a.yaml", "0002-b.yaml"]
    assert all_series(tmp_path) == ("s",)
    patch_file(folder, "- {append: a()}", "a.py", "0001-c.yaml")
    with pytest.raises(UsageError, match="the same number"):
        load_series(tmp_path, "s")


def test_a_file_that_is_no_patch_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    patch_file(tmp_path / "s", "- {append: a()}", "a.py", "1-a.yaml")
    with pytest.raises(UsageError, match="not a name for a patch"):
        load_series(tmp_path, "s")
    with pytest.raises(UsageError, match="no series `missing`"):
        load_series(tmp_path, "missing")


def laughs(value: str) -> str:
    """A value that begins with this one, and holds it 10**11 times."""
    lines = [f"l0: &l0 {value}"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "{" + ", ".join(lines) + "}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (laughs("[a, a]"), "stands for more than 1000000 values"),
        (laughs("a"), "stands for more than 1000000 values"),
        ("&v [*v]", r"the alias \*v stands for what it is in"),
        ("[" * 100_000, "nested more than 200 deep"),
        ("{a: " * 100_000, "nested more than 200 deep"),
        ("- " * 100_000, "nested more than 200 deep|is not YAML"),
    ],
    ids=["lists", "texts", "self", "list", "mapping", "block"],
)
def test_a_file_that_would_fill_the_memory_or_the_stack_is_refused(
    tmp_path: Path, value: str, message: str
) -> None:
    said, hint = refusal(tmp_path, HEAD + f"      - set: {{path: a, value: {value}}}\n")
    assert re.search(message, said)
    assert hint


def test_a_few_aliases_are_read(tmp_path: Path) -> None:
    path = tmp_path / "0001-x.yaml"
    head = HEAD.replace("a.py", "a.yaml")
    path.write_text(head + "      - set: {path: a, value: {x: &v [1], y: *v, z: *v}}\n")
    patch = load_patch(path, "s")
    assert isinstance(patch, StructuralPatch)
    (edit,) = patch.files[0].edits
    assert isinstance(edit, DataEdit)
    assert edit.value == {"x": [1], "y": [1], "z": [1]}
