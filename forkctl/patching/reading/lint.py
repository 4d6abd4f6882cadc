"""What is allowed in a patch, but deserves a second look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forkctl.patching.model import CodeEdit, Patch, StructuralPatch

_ONLY_OPTIONAL = "every edit is optional: if none finds its place, the patch counts as gone"
_MAY_DO_NOTHING = (
    "`expect: 0..` may silently do nothing; `optional`, `unless` and `when` show in the report"
)


@dataclass(frozen=True)
class LintWarning:
    patch: str
    line: int
    message: str


def lint(patch: Patch) -> tuple[LintWarning, ...]:
    return tuple(_warnings(patch)) if isinstance(patch, StructuralPatch) else ()


def _warnings(patch: StructuralPatch) -> Iterator[LintWarning]:
    edits = [edit for file in patch.files for edit in file.edits]
    for edit in edits:
        if isinstance(edit, CodeEdit) and any(
            alternative.selector.expect.least == 0 for alternative in edit.alternatives
        ):
            yield LintWarning(patch.name, edit.line, f"[{edit.id}] {_MAY_DO_NOTHING}")
    if all(edit.optional for edit in edits) or all(file.optional for file in patch.files):
        yield LintWarning(patch.name, edits[0].line, _ONLY_OPTIONAL)
