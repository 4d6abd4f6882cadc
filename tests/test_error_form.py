"""Errors have one form: what happened, where, and the next step. Read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from forkctl.errors import ForkctlError
from tests import ROOT
from tests.documented import check_mention, mentions_of

SOURCES = sorted((ROOT / "forkctl").rglob("*.py"))


def names_of_errors() -> set[str]:
    """Every class of ours that takes message, place and hint from where it is raised."""
    for source in SOURCES:  # classes are known once their modules are imported
        text = source.read_text(encoding="utf-8")
        if "(ForkctlError)" in text:
            __import__(".".join(source.relative_to(ROOT).with_suffix("").parts))
    kinds, found = [ForkctlError], set()
    while kinds:
        kind = kinds.pop()
        if "__init__" not in vars(kind) or kind is ForkctlError:
            found.add(kind.__name__)
        kinds += kind.__subclasses__()
    return found


class Site(NamedTuple):
    place: str
    message: str
    given: frozenset[str]


def sites() -> Iterator[Site]:
    names = names_of_errors()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in names:
                given = frozenset(each.arg or "**" for each in node.keywords)
                place = f"{source.relative_to(ROOT)}:{node.lineno}"
                yield Site(place, _text(node.args[0]) if node.args else "", given)


def _text(node: ast.expr) -> str:
    """A message as it stands in the source, with an ellipsis for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "…"


SITES = list(sites())


def test_the_audit_sees_the_errors() -> None:
    assert len(SITES) > 200
    assert any(site.place.startswith("forkctl/libero/") for site in SITES)


def test_every_error_says_where_or_what_next() -> None:
    bare = [site for site in SITES if not site.given & {"where", "hint", "**"}]
    assert not bare, "\n".join(f"{site.place}: {site.message}" for site in bare)


def test_messages_read_as_one_line_after_the_place() -> None:
    """`where: message`, so: no capital, no full stop, no `Error:` of its own."""
    wrong = [
        site
        for site in SITES
        if site.message.rstrip().endswith(".")
        or (site.message.split(" ")[0].istitle() and site.message.split(" ")[0].isalpha())
        or site.message.lower().startswith("error")
    ]
    assert not wrong, "\n".join(f"{site.place}: {site.message}" for site in wrong)


def hints_of(source: Path) -> Iterator[tuple[int, str]]:
    """Every hint in a file, with its line: `hint=…`, and the last argument of a check."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        found = [each.value for each in node.keywords if each.arg == "hint"]
        if getattr(node.func, "id", None) in ("warning", "failed"):  # of forkctl.checks
            found += node.args[2:3]
        if getattr(node.func, "attr", None) == "fail":  # of a node of a patch file
            found += node.args[1:2]
        for hint in found:
            if isinstance(hint, ast.Name):
                hint = constants.get(hint.id, hint)
            yield hint.lineno, _text(hint)


def fault_of_hint(hint: str) -> str | None:
    word = re.match(r"[A-Za-z]+", hint)
    if word is not None and word[0].istitle():
        return "starts with a capital letter"
    several = len(re.split(r"[.?!]\s+", hint)) > 1
    return None if several or not hint.endswith(".") else "ends with a full stop"


def faults_of_hints(source: Path) -> list[str]:
    return [
        f"{source.relative_to(ROOT)}:{line}: {fault}: {hint}"
        for line, hint in hints_of(source)
        if (fault := fault_of_hint(hint)) is not None
    ]


def test_hints_start_in_lower_case_and_have_no_final_full_stop() -> None:
    """They follow `hint:` as messages follow the place. A second sentence may have its stop."""
    faults = {str(source.relative_to(ROOT)): faults_of_hints(source) for source in SOURCES}
    assert sum(len(list(hints_of(source))) for source in SOURCES) > 200
    wrong = [fault for found in faults.values() for fault in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_named_in_the_source_exist(source: Path) -> None:
    """In messages, hints and docstrings: a next step that cannot be typed is none."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    wrong = [problem for text in texts for problem in map(check_mention, mentions_of(text))]
    assert not any(wrong), "\n".join(filter(None, wrong))
