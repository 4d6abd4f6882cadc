"""The places most similar to an anchor that was not found: for reading, never for applying."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import replace

from forkctl.patching.engine.diagnosis import Candidate, Code, EditDiagnosis, Refusal
from forkctl.patching.engine.matcher import Mode
from forkctl.patching.engine.pattern import Pattern, show_holes
from forkctl.patching.engine.scopes import MODULE, Definition, Scope, statement_lists
from forkctl.patching.engine.selectors import find_anchors
from forkctl.patching.engine.source import Source
from forkctl.patching.model import Alternative, CodeEdit, Imports, Selector

_SHOWN = 3
_LEAST = 0.4
_WIDTH = 100


def explain(source: Source, edit: CodeEdit, diagnosis: EditDiagnosis) -> EditDiagnosis:
    """The diagnosis with the anchor, its scope, and places elsewhere that look like it."""
    alternative = edit.alternatives[0]
    selector = alternative.selector
    wanted = describe(selector)
    diagnosis = replace(diagnosis, anchor=wanted, scope=" or ".join(selector.scopes))
    if diagnosis.code not in (Code.NO_ANCHOR, Code.NO_SCOPE):
        return diagnosis
    if not diagnosis.lines:  # nothing matches in the scope of the edit
        elsewhere = any(_matches_once(source, alternative) for alternative in edit.alternatives)
        diagnosis = replace(diagnosis, elsewhere=elsewhere)
    if diagnosis.code is Code.NO_SCOPE:
        return replace(diagnosis, candidates=_nearest_scopes(source, selector.scopes))
    return replace(diagnosis, candidates=_nearest_statements(source, wanted))


def describe(selector: Selector) -> str:
    """An anchor on one line, as the author of the patch wrote it."""
    target = selector.target
    if target is None:
        return "@scope"
    if isinstance(target, Imports):
        return f"from {target.module} import {', '.join(target.names)}"
    return " ".join(line.strip() for line in target.text.splitlines())


def _matches_once(source: Source, alternative: Alternative) -> bool:
    """Whether an anchor matches exactly once in the whole file."""
    selector = alternative.selector
    if selector.target is None:
        return False
    anywhere = Selector(
        scopes=(MODULE,), target=selector.target, where=_own_where(selector), nested=True
    )
    try:
        return len(find_anchors(source, anywhere, Mode.LENIENT)) == 1
    except Refusal:
        return False


def _own_where(selector: Selector) -> tuple[tuple[str, str], ...]:
    """The conditions on holes of the pattern itself, without those on holes of `inside`."""
    target = selector.target
    holes = target.holes if isinstance(target, Pattern) else frozenset()
    return tuple((hole, test) for hole, test in selector.where if hole in holes)


def _nearest_scopes(source: Source, names: tuple[str, ...]) -> tuple[Candidate, ...]:
    found = [
        Candidate(scope.node.lineno, scope.name, scope.name, similarity)
        for scope in source.scopes
        if not isinstance(scope.node, ast.Module)
        and (similarity := max(_similarity(scope.name, name) for name in names)) >= _LEAST
    ]
    return tuple(sorted(found, key=lambda c: -c.similarity)[:_SHOWN])


def _nearest_statements(source: Source, wanted: str) -> tuple[Candidate, ...]:
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(_header(wanted))
    found: list[Candidate] = []
    for scope, statement in _statements(source):
        text = _first_line(source, statement)
        matcher.set_seq1(text)
        # the two quick ratios are upper bounds, and enough to skip most statements
        least = _LEAST if len(found) < _SHOWN else found[-1].similarity
        if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
            continue
        similarity = matcher.ratio()
        if similarity >= least:
            found.append(Candidate(statement.lineno, scope.name, text, similarity))
            found = sorted(found, key=lambda c: (-c.similarity, c.line))[:_SHOWN]
    return tuple(found)


def _statements(source: Source) -> Iterator[tuple[Scope, ast.stmt]]:
    for scope in source.scopes:
        pending: list[ast.AST] = [scope.node]
        while pending:
            for block in statement_lists(pending.pop()):
                for statement in block:
                    yield scope, statement
                    if not isinstance(statement, Definition):
                        pending.append(statement)
                        pending.extend(getattr(statement, "handlers", []))


def _first_line(source: Source, statement: ast.stmt) -> str:
    line = source.line(statement.lineno)[statement.col_offset :].decode(errors="replace").strip()
    end = source.text(statement) if statement.lineno == statement.end_lineno else line
    return end[:_WIDTH]


def _header(wanted: str) -> str:
    return show_holes(wanted)[:_WIDTH]


def _similarity(left: str, right: str) -> float:
    return difflib.SequenceMatcher(None, left, right, autojunk=False).ratio()
