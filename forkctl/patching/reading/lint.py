"""What is allowed in a patch, but deserves a second look."""

from __future__ import annotations

from collections.abc import Collection, Iterator
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


def lint(patch: Patch, forks: Collection[str] | None = None) -> tuple[LintWarning, ...]:
    """`forks`: the names of all, where they are known."""
    lost = None if forks is None else names_no_fork(patch, forks)
    found = [LintWarning(patch.name, 1, lost)] if lost else []
    return (*found, *(_warnings(patch) if isinstance(patch, StructuralPatch) else ()))


def names_no_fork(patch: Patch, forks: Collection[str]) -> str | None:
    """Not refused: a workspace need not have all forks that a series is shared by."""
    unknown = [name for name in patch.forks if name not in forks]
    return f"is for {', '.join(unknown)}: there is no such fork in forks.toml" if unknown else None


def _warnings(patch: StructuralPatch) -> Iterator[LintWarning]:
    edits = [edit for file in patch.files for edit in file.edits]
    for edit in edits:
        if isinstance(edit, CodeEdit) and any(
            alternative.selector.expect.least == 0 for alternative in edit.alternatives
        ):
            yield LintWarning(patch.name, edit.line, f"[{edit.id}] {_MAY_DO_NOTHING}")
    if all(edit.optional for edit in edits) or all(file.optional for file in patch.files):
        yield LintWarning(patch.name, edits[0].line, _ONLY_OPTIONAL)
