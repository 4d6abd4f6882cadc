"""Takes the patches of a series one after the other; knows what the files look like so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from forkctl.errors import ForkctlError
from forkctl.patching.engine.diagnosis import Code, Diagnosis, Refusal
from forkctl.patching.engine.locate import insertions_of, locate
from forkctl.patching.engine.render import failure, verdict_of
from forkctl.patching.engine.source import Source, parse_source
from forkctl.patching.engine.splice import Change, Splice, first_overlap, settle, splice
from forkctl.patching.engine.task import Statements
from forkctl.patching.engine.verify import check_result
from forkctl.patching.model import (
    EditOutcome,
    EditStatus,
    FileChange,
    FileEdits,
    Patch,
    PatchOutcome,
    PlainPatch,
    StructuralPatch,
    Verdict,
)


class PristineTree(Protocol):
    """The pinned revision."""

    def read(self, path: str) -> bytes | None:
        """None: no such file at the pin."""

    def exists(self, path: str) -> bool:
        """Also true for paths outside of the sparse set."""


# (patch, content of the files changed so far) -> the content of the files that the patch changes;
# raises ForkctlError where it does not apply
PlainApplier = Callable[[PlainPatch, Mapping[str, bytes | None]], Mapping[str, bytes | None]]


@dataclass
class FileState:
    """One file while the series is planned."""

    base: bytes | None  # what edits are located on
    now: bytes | None  # with the patches so far
    changes: list[tuple[str, Change]] = field(default_factory=list)  # (patch, change)
    source: Source | None = None

    def parsed(self) -> Source | None:
        """The base as Python, parsed once for all patches; None where it is not."""
        if self.source is None and self.base is not None:
            try:
                self.source = parse_source(self.base)
            except Refusal:
                return None
        return self.source


class Planner:
    """Takes patches one after the other; holds what the files look like so far."""

    def __init__(
        self, tree: PristineTree, files: dict[str, FileState], apply_plain: PlainApplier
    ) -> None:
        self.tree = tree
        self.files = files
        self.apply_plain = apply_plain
        self.overlays = frozenset(files)
        self.neighbours: dict[str, list[Statements]] = {}

    def know(self, patches: Sequence[Patch]) -> None:
        """Remember what all patches insert, which no edit then takes for upstream's code."""
        for patch in patches:
            if isinstance(patch, StructuralPatch):
                for file in patch.files:
                    known = self.neighbours.setdefault(file.path, [])
                    known.extend(insertions_of(file.edits))

    def take(self, patch: Patch) -> tuple[PatchOutcome, tuple[FileChange, ...]]:
        if isinstance(patch, PlainPatch):
            return self._take_plain(patch)
        return self._take_structural(patch)

    def verified(self, outcomes: Sequence[PatchOutcome]) -> list[PatchOutcome]:
        """Check the final files; what is broken is put down to the patch that broke it."""
        result = list(outcomes)
        for path, file in self.files.items():
            if file.now is None or path in self.overlays or not file.changes:
                continue
            broken = check_result(path, file.base, file.now)
            if broken is not None:
                name = self._who_broke(path, file)
                for index, outcome in enumerate(result):
                    if outcome.patch.title == name:
                        edits = (*outcome.edits, failure(broken))
                        result[index] = PatchOutcome(outcome.patch, Verdict.BROKEN, edits)
        return result

    def _who_broke(self, path: str, file: FileState) -> str:
        assert file.base is not None
        names = list(dict.fromkeys(name for name, _ in file.changes))
        for last, name in enumerate(names, start=1):
            changes = [change for owner, change in file.changes if owner in names[:last]]
            if check_result(path, file.base, splice(file.base, changes)) is not None:
                return name
        return names[-1]

    def _file(self, path: str) -> FileState:
        if path not in self.files:
            content = self.tree.read(path)
            self.files[path] = FileState(content, content)
        return self.files[path]

    def _take_structural(
        self, patch: StructuralPatch
    ) -> tuple[PatchOutcome, tuple[FileChange, ...]]:
        outcomes: list[EditOutcome] = []
        found: list[tuple[str, Sequence[Change]]] = []
        for entry in patch.files:
            made, changes = self._locate(entry)
            outcomes += made
            found.append((entry.path, changes))
        verdict = verdict_of(outcomes)
        if verdict is not Verdict.CLEAN:
            return PatchOutcome(patch, verdict, tuple(outcomes)), ()
        changed: list[FileChange] = []
        for path, changes in found:
            file = self._file(path)
            if changes and file.base is not None:
                file.changes += [(patch.title, change) for change in changes]
                file.now = splice(file.base, [change for _, change in file.changes])
                changed.append(FileChange(path, file.now))
        return PatchOutcome(patch, verdict, tuple(outcomes)), tuple(changed)

    def _locate(self, entry: FileEdits) -> tuple[list[EditOutcome], Sequence[Change]]:
        file = self._file(entry.path)
        if file.base is None:
            if entry.optional:
                return [
                    EditOutcome(entry.path, edit.id, EditStatus.NOT_NEEDED) for edit in entry.edits
                ], ()
            diagnosis = Diagnosis(Code.NO_FILE, "upstream has no such file", file=entry.path)
            return [failure(diagnosis)], ()
        source = file.parsed() if entry.path.endswith(".py") else None
        located = locate(
            entry.path,
            file.base,
            entry.edits,
            source=source,
            neighbours=self.neighbours.get(entry.path, ()),
        )
        if located.failed:
            return list(located.outcomes), ()
        clash = _clash(file, located.changes)
        if clash is not None:
            diagnosis = Diagnosis(
                Code.OVERLAP, f"it wants the same text as {clash}", file=entry.path
            )
            return [*located.outcomes, failure(diagnosis)], ()
        return list(located.outcomes), located.changes

    def _take_plain(self, patch: PlainPatch) -> tuple[PatchOutcome, tuple[FileChange, ...]]:
        current = {path: file.now for path, file in self.files.items()}
        try:
            results = self.apply_plain(patch, current)
        except ForkctlError as error:
            diagnosis = Diagnosis(Code.BROKEN_RESULT, error.message, file=error.where or "")
            return PatchOutcome(patch, Verdict.BROKEN, (failure(diagnosis),)), ()
        outcomes: list[EditOutcome] = []
        changed: list[FileChange] = []
        for path, content in sorted(results.items()):
            file = self._file(path)
            broken = check_result(path, file.now, content) if content is not None else None
            if broken is not None:
                outcomes.append(failure(broken))
                continue
            outcomes.append(EditOutcome(path, "", EditStatus.APPLIED))
            if content != file.now or path in patch.executable:
                changed.append(FileChange(path, content, patch.executable.get(path)))
        verdict = verdict_of(outcomes) if outcomes else Verdict.ALREADY
        if verdict.failed:
            return PatchOutcome(patch, verdict, tuple(outcomes)), ()
        if not changed:
            return PatchOutcome(patch, Verdict.ALREADY), ()
        for change in changed:
            self.files[change.path] = FileState(change.content, change.content)
        return PatchOutcome(patch, verdict, tuple(outcomes)), tuple(changed)


def _clash(file: FileState, changes: Sequence[Change]) -> str | None:
    """The earlier patch that wants the same text."""
    new: list[Splice] = settle(changes)
    for name in dict.fromkeys(owner for owner, _ in file.changes):
        earlier = settle(change for owner, change in file.changes if owner == name)
        if first_overlap(earlier, new) is not None:
            return name
    return None
