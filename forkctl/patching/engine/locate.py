"""Where the edits of a file go: every edit is located on the same text, none on another's result.

For each edit the first alternative whose anchor is found counts. If an anchor is missing, the next
alternative is tried. If one is ambiguous, the edit is refused: falling through would apply it at a
place that its author never looked at.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forkctl.patching.engine.arguments import add_kwarg, add_param
from forkctl.patching.engine.candidates import explain
from forkctl.patching.engine.datafile import edit_data
from forkctl.patching.engine.diagnosis import Code, EditDiagnosis, Refusal
from forkctl.patching.engine.insertions import INSERTIONS, insert, inserted_already
from forkctl.patching.engine.matcher import Mode, is_hole
from forkctl.patching.engine.pattern import Pattern
from forkctl.patching.engine.rewrites import remove, replace, result_selector, wrap
from forkctl.patching.engine.scopes import MODULE
from forkctl.patching.engine.selectors import (
    Anchor,
    counted,
    find_anchors,
    lines_of,
    occurs,
    runs_always,
)
from forkctl.patching.engine.source import Source, parse_source
from forkctl.patching.engine.splice import TextChange, first_overlap, settle
from forkctl.patching.engine.task import Statements, Task
from forkctl.patching.model import (
    Alternative,
    CodeEdit,
    DataEdit,
    Edit,
    EditOutcome,
    EditStatus,
    Imports,
    Verb,
)

# What is done at an anchor: each operation turns a place and a piece of code into changes of text.
_OPERATIONS: Mapping[Verb, Callable[[Task], Sequence[TextChange]]] = {
    Verb.INSERT_BEFORE: insert,
    Verb.INSERT_AFTER: insert,
    Verb.PREPEND: insert,
    Verb.APPEND: insert,
    Verb.REPLACE: replace,
    Verb.WRAP: wrap,
    Verb.REMOVE: remove,
    Verb.ADD_PARAM: add_param,
    Verb.ADD_KWARG: add_kwarg,
}
_MISSING = (Code.NO_SCOPE, Code.NO_ANCHOR)


@dataclass(frozen=True)
class Located:
    """The changes and outcomes of the edits of a file. If one failed, no change may be used."""

    changes: tuple[TextChange, ...]
    outcomes: tuple[EditOutcome, ...]

    @property
    def failed(self) -> bool:
        return any(outcome.status is EditStatus.FAILED for outcome in self.outcomes)


def locate(
    path: str,
    data: bytes,
    edits: Sequence[Edit],
    *,
    source: Source | None = None,
    neighbours: Sequence[Statements] = (),
) -> Located:
    """Find the place of every edit. `source` saves parsing the file again; `neighbours` is what
    other patches insert into it."""
    changes: list[TextChange] = []
    outcomes: list[EditOutcome] = []
    beside = [*neighbours, *insertions_of(edits)]
    for edit in edits:
        try:
            if isinstance(edit, DataEdit):
                found: Sequence[TextChange]
                found, lines, status = edit_data(path, data, edit)
            else:
                source = source or parse_source(data)
                found, lines, status = _locate_code(source, edit, beside)
            clash = first_overlap(settle(changes), settle(found))
            if clash is not None:
                raise Refusal(
                    Code.OVERLAP, "it changes the same text as another edit of this patch"
                )
        except Refusal as refusal:
            outcomes.append(_refused(path, source, edit, refusal))
            continue
        changes += found
        outcomes.append(EditOutcome(path, edit.id, status, lines))
    return Located(tuple(changes), tuple(_settled_removals(edits, outcomes)))


def insertions_of(edits: Sequence[Edit]) -> list[Statements]:
    """The statements that the insertions among the edits insert, with their holes."""
    return [
        alternative.operation.code.nodes
        for edit in edits
        if isinstance(edit, CodeEdit)
        for alternative in edit.alternatives
        if alternative.operation.verb in INSERTIONS
        and alternative.operation.code is not None
        and not any(map(is_hole, alternative.operation.code.nodes))  # would match anything
    ]


_Found = tuple[Sequence[TextChange], tuple[int, ...], EditStatus]


def _locate_code(source: Source, edit: CodeEdit, neighbours: Sequence[Statements]) -> _Found:
    if edit.unless is not None and occurs(source, edit.unless):
        return (), (), EditStatus.ALREADY
    missing: list[Refusal] = []
    for alternative in edit.alternatives:
        try:
            return _locate_alternative(source, alternative, neighbours)
        except Refusal as refusal:
            if refusal.code not in _MISSING:
                raise
            missing.append(refusal)
    # of several that are missing, one whose scope exists says more
    raise next((r for r in missing if r.code is Code.NO_ANCHOR), missing[0])


def _locate_alternative(
    source: Source, alternative: Alternative, neighbours: Sequence[Statements]
) -> _Found:
    selector, operation = alternative.selector, alternative.operation

    def task(anchor: Anchor) -> Task:
        return Task(source, selector, operation, anchor, neighbours)

    def changes_at(places: Sequence[Anchor]) -> list[TextChange]:
        make = _OPERATIONS[operation.verb]
        return [change for anchor in places for change in make(task(anchor))]

    # an anchor whose text goes away must be described in full
    rewrites = operation.verb in (Verb.REPLACE, Verb.REMOVE) and selector.at is None
    mode = Mode.EXACT if rewrites else Mode.LENIENT
    anchors = find_anchors(source, selector, mode)
    if _puts_imports_together(alternative):
        why_not = "what matches is inside of a block, where an import is not always made"
        at_top = set(source.tree.body)
        anchors = _those_that(lambda a: a.nodes[0] in at_top, source, anchors, why_not)
    if selector.always:
        why_not = "what matches does not run on every way through its scope"
        anchors = _those_that(lambda a: runs_always(source, selector, a), source, anchors, why_not)
    made = _made_already(source, alternative)
    anchors = [anchor for anchor in anchors if not _within(source, anchor, made)]
    if made:  # places already done count together with those still to do
        counted(source, dataclasses.replace(selector, pick=None), [*made, *anchors])
        if not anchors:
            return (), lines_of(source, made), EditStatus.ALREADY
        return changes_at(anchors), lines_of(source, anchors), EditStatus.APPLIED
    if operation.verb in INSERTIONS and len(anchors) > 1:
        # code that was inserted before may look like an anchor itself
        added = [node for anchor in anchors for node in inserted_already(task(anchor))]
        anchors = [a for a in anchors if not _among(source, a, added)]
    places = counted(source, selector, anchors)
    changes = changes_at(places)
    if changes:
        status = EditStatus.APPLIED
    else:
        status = EditStatus.ALREADY if places else EditStatus.NOT_NEEDED
    return changes, lines_of(source, places), status


def _puts_imports_together(alternative: Alternative) -> bool:
    """Whether it puts imports beside an import of the module."""
    selector, code = alternative.selector, alternative.operation.code
    target = selector.target
    beside = target.nodes if isinstance(target, Pattern) else ()
    return (
        alternative.operation.verb in (Verb.INSERT_BEFORE, Verb.INSERT_AFTER)
        and selector.scopes == (MODULE,)
        and code is not None
        and (isinstance(target, Imports) or _are_imports(beside))
        and _are_imports(code.nodes)
    )


def _are_imports(nodes: Sequence[ast.AST]) -> bool:
    return bool(nodes) and all(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)


def _those_that(
    hold: Callable[[Anchor], bool], source: Source, anchors: Sequence[Anchor], why_not: str
) -> list[Anchor]:
    """Refuses where there are anchors, and none of them will do."""
    found = [anchor for anchor in anchors if hold(anchor)]
    if anchors and not found:
        raise Refusal(Code.NO_ANCHOR, why_not, lines=lines_of(source, anchors))
    return found


def _made_already(source: Source, alternative: Alternative) -> list[Anchor]:
    """Where a rewrite has been made in this file."""
    selector = result_selector(alternative.selector, alternative.operation)
    if selector is None:
        return []
    wraps = alternative.operation.verb is Verb.WRAP or alternative.selector.at is not None
    return find_anchors(source, selector, Mode.LENIENT if wraps else Mode.EXACT)


def _within(source: Source, anchor: Anchor, made: Sequence[Anchor]) -> bool:
    return _among(source, anchor, [node for place in made for node in place.nodes])


def _among(source: Source, anchor: Anchor, nodes: Sequence[object]) -> bool:
    around = (anchor.nodes[0], *source.ancestors(anchor.nodes[0]))
    return any(node is other for node in around for other in nodes)


def _refused(path: str, source: Source | None, edit: Edit, refusal: Refusal) -> EditOutcome:
    if edit.optional and refusal.code in _MISSING:
        return EditOutcome(path, edit.id, EditStatus.NOT_NEEDED)
    diagnosis = EditDiagnosis(
        refusal.code, refusal.message, file=path, edit=edit.id, lines=refusal.lines
    )
    if isinstance(edit, CodeEdit) and source is not None:
        diagnosis = explain(source, edit, diagnosis)
    return EditOutcome(path, edit.id, EditStatus.FAILED, refusal.lines, diagnosis)


def _settled_removals(edits: Sequence[Edit], outcomes: Sequence[EditOutcome]) -> list[EditOutcome]:
    """A removal whose anchor is gone counts as `already` made if the rest of the edits do.

    By itself a missing anchor says nothing: it may have been renamed.
    """
    removals = [
        isinstance(edit, CodeEdit)
        and all(a.operation.verb is Verb.REMOVE or _trades_import(a) for a in edit.alternatives)
        for edit in edits
    ]
    rest = {o.status for o, removal in zip(outcomes, removals, strict=True) if not removal}
    if EditStatus.ALREADY not in rest or rest & {EditStatus.APPLIED, EditStatus.FAILED}:
        return list(outcomes)
    return [
        dataclasses.replace(outcome, status=EditStatus.ALREADY, diagnosis=None)
        if removal and outcome.diagnosis and outcome.diagnosis.code is Code.NO_ANCHOR
        else outcome
        for outcome, removal in zip(outcomes, removals, strict=True)
    ]


def _trades_import(alternative: Alternative) -> bool:
    return isinstance(alternative.selector.target, Imports) and (
        alternative.operation.verb is Verb.REPLACE
    )
