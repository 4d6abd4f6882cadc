"""What is allowed in a patch, but asks for a second look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forkctl.patching.model import CodeEdit, Patch, StructuralPatch

_ONLY_OPTIONAL = "every edit is optional: where none finds its place, the patch counts as gone"
_MAY_DO_NOTHING = (
    "`expect: 0..` may silently do nothing; `optional`, `unless` or `when` say so in the report"
)


@dataclass(frozen=True)
class Finding:
    patch: str
    line: int
    message: str


def lint(patch: Patch) -> tuple[Finding, ...]:
    """The findings of one patch, by line."""
    return tuple(_findings(patch)) if isinstance(patch, StructuralPatch) else ()


def _findings(patch: StructuralPatch) -> Iterator[Finding]:
    edits = [edit for file in patch.files for edit in file.edits]
    for edit in edits:
        if isinstance(edit, CodeEdit) and any(
            alternative.selector.expect.least == 0 for alternative in edit.alternatives
        ):
            yield Finding(patch.name, edit.line, f"[{edit.id}] {_MAY_DO_NOTHING}")
    if all(edit.optional for edit in edits) or all(file.optional for file in patch.files):
        yield Finding(patch.name, edits[0].line, _ONLY_OPTIONAL)
