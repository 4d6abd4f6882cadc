"""Properties that hold for any file: untouched text stays, a second run changes nothing, and a
variant of the file gives the same variant of the result."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from forkctl.patching.engine.locate import locate
from forkctl.patching.engine.splice import Splice, overlap, settle, splice
from forkctl.patching.model import EditStatus
from tests.patching.engine_support import load

# One edit of every kind, all about `target`, which every generated file holds once.
KINDS = {
    "before": '{nested: true, match: "target($$$A)", insert_before: "if on:\\n    new($$$A)"}',
    "after": '{nested: true, match: "target($$$A)", insert_after: new()}',
    "wrap": '{nested: true, match: "target($$$A)", wrap: "with new:\\n    $MATCH"}',
    "replace": '{nested: true, match: "target($$$A)", replace: "new($$$A)"}',
    "kwarg": '{nested: true, match: "target($$$A)", add_kwarg: new=1}',
    "top": "{prepend: import new}",
    "end": "{append: new = 1}",
}
EDITS = {
    name: load(Path(tempfile.mkdtemp()), f"- {edit}", name="0001-p.yaml")
    for name, edit in KINDS.items()
}

simple = st.sampled_from(
    [
        "a = b",
        "call(a, b)  # ünï",
        "x = '''one\n  two\n'''",
        'y = f"{a}"',
        "z = [\n    1,\n  2,\n]",
        "assert (a and\n        b)",
        "# only a comment",
        "if a: b()",
        "c(); d()",
        "",
    ]
)
target = st.sampled_from(
    ["target()", "target(a, k=b)  # why", "target(\n    a,\n    # c\n    b\n)", "target('é', **k)"]
)
header = st.sampled_from(
    ["if a:", "for i in j:", "with a as b:", "def f(x, *y):", "class C(D):", "while a:"]
)


@st.composite
def files(draw: st.DrawFunction) -> str:
    """A module with one `target(...)` at any depth, among statements of many shapes."""
    body = [draw(target)]
    for _ in range(draw(st.integers(0, 3))):
        before = draw(st.lists(simple, max_size=3))
        after = draw(st.lists(simple, max_size=3))
        body = [*before, *body, *after]
        if draw(st.booleans()):
            body = [draw(header), *("    " + line for line in physical(body))]
    body = [*draw(st.lists(simple, max_size=2)), *body, *draw(st.lists(simple, max_size=2))]
    text = "\n".join(physical(body)) + "\n"
    ast.parse(text)
    return text


def physical(body: list[str]) -> list[str]:
    """Each physical line by itself."""
    return [line for piece in body for line in piece.split("\n")]


def made(kind: str, data: bytes) -> bytes | None:
    located = locate("a.py", data, EDITS[kind])
    return None if located.failed else splice(data, located.changes)


@given(files(), st.sampled_from(sorted(KINDS)))
@settings(max_examples=300, deadline=None)
def test_untouched_text_stays_and_the_result_is_python(text: str, kind: str) -> None:
    data = text.encode()
    located = locate("a.py", data, EDITS[kind])
    if located.failed:
        return
    result = splice(data, located.changes)
    ast.parse(result)
    position = 0
    for change in sorted(settle(located.changes), key=lambda s: (s.start, s.end)):
        kept = data[position : change.start]
        assert kept in result
        position = change.end
    if kind in ("before", "after", "top", "end"):
        # every line of the file is still there, in its order
        remaining = iter(result.split(b"\n"))
        assert all(line in remaining for line in data.split(b"\n") if line)


@given(files(), st.sampled_from(sorted(KINDS)))
@settings(max_examples=300, deadline=None)
def test_a_second_run_changes_nothing(text: str, kind: str) -> None:
    result = made(kind, text.encode())
    if result is None:
        return
    again = locate("a.py", result, EDITS[kind])
    assert again.changes == ()
    assert {outcome.status for outcome in again.outcomes} == {EditStatus.ALREADY}


@given(files(), st.sampled_from(sorted(KINDS)))
@settings(max_examples=200, deadline=None)
def test_line_ends_and_bom_do_not_matter(text: str, kind: str) -> None:
    plain = made(kind, text.encode())
    crlf = made(kind, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert (plain is None) == (crlf is None)
    if plain is not None:
        assert crlf == b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")


@given(files(), st.sampled_from(sorted(KINDS)))
@settings(max_examples=200, deadline=None)
def test_another_unit_of_indentation_means_the_same(text: str, kind: str) -> None:
    narrow = "\n".join(
        " " * ((len(line) - len(line.lstrip(" "))) // 2) + line.lstrip(" ")
        for line in text.split("\n")
    )
    plain, other = made(kind, text.encode()), made(kind, narrow.encode())
    assert (plain is None) == (other is None)
    if plain is not None and other is not None and "'''" not in text:
        assert ast.dump(ast.parse(plain)) == ast.dump(ast.parse(other))


splices = st.builds(
    lambda start, size, text: Splice(start, start + size, text),
    st.integers(0, 20),
    st.integers(0, 5),
    st.binary(max_size=3),
)


@given(st.binary(min_size=30, max_size=40), st.lists(splices, max_size=6))
@settings(max_examples=300, deadline=None)
def test_splices_that_do_not_overlap_can_be_made_in_any_order(
    data: bytes, candidates: list[Splice]
) -> None:
    chosen: list[Splice] = []
    for candidate in candidates:
        if not any(overlap(candidate, other) or other == candidate for other in chosen):
            chosen.append(candidate)
    result = splice(data, chosen)
    removed = sum(s.end - s.start for s in chosen)
    assert len(result) == len(data) - removed + sum(len(s.text) for s in chosen)
    distinct = {(s.start, s.end) for s in chosen}
    if len(distinct) == len(chosen):
        assert splice(data, reversed(chosen)) == result
