"""A series becomes commits: overlays first, then one commit per patch, all planned in memory.

All structural edits of all patches are located on the pristine text of a file, so that no patch
depends on what another one wrote, and the order of independent patches does not matter. A plain
patch is a diff against what came before it: its result is the new base of the files it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from forkctl.errors import ForkctlError
from forkctl.forks.commits import FileChange, NewCommit
from forkctl.patching.engine.diagnosis import Code, EditDiagnosis, Refusal
from forkctl.patching.engine.locate import insertions_of, locate
from forkctl.patching.engine.selectors import occurs
from forkctl.patching.engine.source import Source, parse_source
from forkctl.patching.engine.splice import Splice, TextChange, first_overlap, settle, splice
from forkctl.patching.engine.task import Statements
from forkctl.patching.engine.verify import check_result
from forkctl.patching.model import (
    Condition,
    EditOutcome,
    EditStatus,
    FileEdits,
    Patch,
    PatchOutcome,
    PlainPatch,
    StructuralPatch,
    Verdict,
    verdict_of,
)
from forkctl.patching.reading.gitdiff import TouchedFile, read_diff
from forkctl.patching.series.commit_messages import overlay_commit, patch_commit
from forkctl.patching.series.hunks import is_made, offsets_in, problem_of_place
from forkctl.patching.series.inputs import Overlay


class PristineTree(Protocol):
    """The files of one upstream revision."""

    def read(self, path: str) -> bytes | None:
        """None: the revision has no such file."""

    def exists(self, path: str) -> bool:
        """Also true for folders, and for paths outside of the sparse ones."""


# (patch, content of the files changed so far) -> the content of the files that the patch changes;
# raises ForkctlError if it does not apply
PlainApplier = Callable[[PlainPatch, Mapping[str, bytes | None]], Mapping[str, bytes | None]]

BY_HAND = (
    "move the patch out of patches/, apply, make its change by hand in the fork tree, commit, and "
    "run `forkctl save`; or write it as a structural patch, which survives such changes"
)


@dataclass(frozen=True)
class SeriesPlan:
    commits: tuple[NewCommit, ...]
    outcomes: tuple[PatchOutcome, ...]


class SeriesFailed(ForkctlError):
    """One or more patches do not apply; `outcomes` has one entry for each patch of the series."""

    def __init__(self, fork: str, outcomes: Sequence[PatchOutcome]) -> None:
        self.outcomes = tuple(outcomes)
        failed = [outcome for outcome in outcomes if outcome.verdict.failed]
        parts = [f"{len(failed)} of {len(outcomes)} patches do not apply"]
        for outcome in failed:
            parts.append(f"{outcome.patch.title}: {outcome.verdict.value}")
            parts += [
                "  " + line
                for diagnosis in outcome.diagnoses
                for line in diagnosis.describe().splitlines()
            ]
        super().__init__(
            "\n".join(parts),
            where=fork,
            hint="correct the anchors named above, or leave a patch out with `--without NAME`",
        )


def plan_series(
    tree: PristineTree,
    fork: str,
    overlays: Sequence[Overlay],
    patches: Sequence[Patch],
    apply_plain: PlainApplier,
    known_sound: bool = False,
) -> SeriesPlan:
    """Every commit of a fork, or SeriesFailed with what is wrong with each failing patch."""
    _refuse_collisions(tree, fork, overlays)
    files = {o.path: _FileState(o.content, o.content, o.content) for o in overlays}
    wanted = [patch for patch in patches if applies_to(patch, fork, tree)]
    planner = _Planner(tree, files, apply_plain, wanted)
    commits = [overlay_commit(overlays)] if overlays else []
    outcomes: list[PatchOutcome] = []
    for patch in patches:
        unreadable = _unreadable(patch, fork, tree)
        if unreadable is not None:
            outcomes.append(PatchOutcome(patch, verdict_of([unreadable]), (unreadable,)))
            continue
        if patch not in wanted:
            outcomes.append(PatchOutcome(patch, Verdict.NOT_FOR_THIS_FORK))
            continue
        outcome, changes = planner.take(patch)
        outcomes.append(outcome)
        if changes:
            commits.append(patch_commit(patch, changes))
    if not known_sound:
        outcomes = planner.verified(outcomes)
    if any(outcome.verdict.failed for outcome in outcomes):
        raise SeriesFailed(fork, outcomes)
    return SeriesPlan(tuple(commits), tuple(outcomes))


def applies_to(patch: Patch, fork: str, tree: PristineTree) -> bool:
    """Is the patch for this fork? By name (`forks`), and by what upstream looks like (`when`)."""
    if patch.forks and fork not in patch.forks:
        return False
    if isinstance(patch, StructuralPatch):
        return all(_holds(condition, tree) for condition in patch.when)
    return True


def _unreadable(patch: Patch, fork: str, tree: PristineTree) -> EditOutcome | None:
    """A condition about a file that this Python cannot read: another may find that it holds, and so
    it is not decided here."""
    if not isinstance(patch, StructuralPatch) or (patch.forks and fork not in patch.forks):
        return None
    for condition in patch.when:
        data = tree.read(condition.file) if condition.search is not None else None
        try:
            if data is not None:
                parse_source(data)
        except Refusal as refusal:
            diagnosis = EditDiagnosis(refusal.code, refusal.message, file=condition.file)
            return EditOutcome.of_failure(diagnosis)
    return None


def _holds(condition: Condition, tree: PristineTree) -> bool:
    if condition.search is None:
        return tree.exists(condition.file) is condition.present
    data = tree.read(condition.file)
    if data is None:
        return not condition.present
    try:
        return occurs(parse_source(data), condition.search) is condition.present
    except Refusal:
        return not condition.present


def _refuse_collisions(tree: PristineTree, fork: str, overlays: Sequence[Overlay]) -> None:
    for overlay in overlays:
        parents = overlay.path.split("/")[:-1]
        folders = ["/".join(parents[:depth]) for depth in range(1, len(parents) + 1)]
        taken = overlay.path if tree.exists(overlay.path) else None
        taken = taken or next((f for f in folders if tree.read(f) is not None), None)
        if taken is not None:
            raise ForkctlError(
                f"the overlay `{overlay.series}` has `{overlay.path}`, but upstream has `{taken}`",
                where=fork,
                hint="give the overlay another path, or change upstream's file with a patch",
            )


@dataclass
class _FileState:
    """One file while the series is planned."""

    first: bytes | None  # before any patch
    base: bytes | None  # what edits are located on
    now: bytes | None  # with the patches so far
    changes: list[tuple[str, TextChange]] = field(default_factory=list)  # (patch, change)
    steps: list[tuple[str, bytes | None]] = field(default_factory=list)  # (patch, its result)
    source: Source | None = None

    def parsed(self) -> Source | None:
        """The base as Python, parsed once for all patches; None if it is not Python."""
        if self.source is None and self.base is not None:
            try:
                self.source = parse_source(self.base)
            except Refusal:
                return None
        return self.source


class _Planner:
    """Takes patches one after the other, and keeps what the files look like so far."""

    def __init__(
        self,
        tree: PristineTree,
        files: dict[str, _FileState],
        apply_plain: PlainApplier,
        patches: Sequence[Patch],
    ) -> None:
        self.tree = tree
        self.files = files
        self.apply_plain = apply_plain
        # what all patches insert, which no edit may mistake for upstream's code
        self.neighbours: dict[str, list[Statements]] = {}
        for patch in patches:
            if isinstance(patch, StructuralPatch):
                for file in patch.files:
                    self.neighbours.setdefault(file.path, []).extend(insertions_of(file.edits))

    def take(self, patch: Patch) -> tuple[PatchOutcome, tuple[FileChange, ...]]:
        if isinstance(patch, PlainPatch):
            return self._take_plain(patch)
        return self._take_structural(patch)

    def verified(self, outcomes: Sequence[PatchOutcome]) -> list[PatchOutcome]:
        """Check the final files, and blame what is broken on the patch that broke it."""
        result = list(outcomes)
        for path, file in self.files.items():
            if file.now is None or not file.steps:
                continue
            broken = check_result(path, file.first, file.now)
            if broken is not None:
                name = _who_broke(path, file)
                for index, outcome in enumerate(result):
                    if outcome.patch.title == name:
                        edits = (*outcome.edits, EditOutcome.of_failure(broken))
                        result[index] = PatchOutcome(outcome.patch, Verdict.BROKEN, edits)
        return result

    def _file(self, path: str) -> _FileState:
        if path not in self.files:
            content = self.tree.read(path)
            self.files[path] = _FileState(content, content, content)
        return self.files[path]

    def _take_structural(
        self, patch: StructuralPatch
    ) -> tuple[PatchOutcome, tuple[FileChange, ...]]:
        outcomes: list[EditOutcome] = []
        found: list[tuple[str, Sequence[TextChange]]] = []
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
                file.steps.append((patch.title, file.now))
                changed.append(FileChange(path, file.now))
        return PatchOutcome(patch, verdict, tuple(outcomes)), tuple(changed)

    def _locate(self, entry: FileEdits) -> tuple[list[EditOutcome], Sequence[TextChange]]:
        file = self._file(entry.path)
        if file.base is None:
            if entry.optional:
                return [
                    EditOutcome(entry.path, edit.id, EditStatus.NOT_NEEDED) for edit in entry.edits
                ], ()
            diagnosis = EditDiagnosis(Code.NO_FILE, "upstream has no such file", file=entry.path)
            return [EditOutcome.of_failure(diagnosis)], ()
        located = locate(
            entry.path,
            file.base,
            entry.edits,
            source=file.parsed() if entry.path.endswith(".py") else None,
            neighbours=self.neighbours.get(entry.path, ()),
        )
        if located.failed:
            return list(located.outcomes), ()
        clash = _clash(file, located.changes)
        if clash is not None:
            message = f"it changes the same text as {clash}"
            diagnosis = EditDiagnosis(Code.OVERLAP, message, file=entry.path)
            return [*located.outcomes, EditOutcome.of_failure(diagnosis)], ()
        return list(located.outcomes), located.changes

    def _take_plain(self, patch: PlainPatch) -> tuple[PatchOutcome, tuple[FileChange, ...]]:
        current = {path: file.now for path, file in self.files.items()}
        now = {path: self._file(path).now for path in patch.files}
        touched, _ = read_diff(patch.diff)
        failure = _misplaced(touched, now)
        results: Mapping[str, bytes | None] = {}
        if failure is None:
            try:
                results = self.apply_plain(patch, current)
            except ForkctlError as error:
                reason = "; ".join(filter(None, (error.message, error.hint)))
                failure = EditDiagnosis(Code.BROKEN_RESULT, reason, file=error.where or "")
        if failure is not None:
            if touched and all(is_made(file, now.get(file.path)) for file in touched):
                return PatchOutcome(patch, Verdict.ALREADY), ()
            outcome = EditOutcome.of_failure(failure)
            return PatchOutcome(patch, verdict_of([outcome]), (outcome,)), ()
        moved = {f.path: _moved(f, now.get(f.path)) for f in touched}
        outcomes: list[EditOutcome] = []
        changed: list[FileChange] = []
        for path, content in sorted(results.items()):
            outcomes.append(EditOutcome(path, "", EditStatus.APPLIED, note=moved.get(path, "")))
            if content != self._file(path).now or path in patch.executable:
                changed.append(FileChange(path, content, patch.executable.get(path)))
        if not changed:
            return PatchOutcome(patch, Verdict.ALREADY), ()
        for change in changed:
            file = self._file(change.path)
            steps = [*file.steps, (patch.title, change.content)]
            self.files[change.path] = _FileState(
                file.first, change.content, change.content, steps=steps
            )
        return PatchOutcome(patch, verdict_of(outcomes), tuple(outcomes)), tuple(changed)


def _misplaced(
    touched: Sequence[TouchedFile], now: Mapping[str, bytes | None]
) -> EditDiagnosis | None:
    for file in touched:
        content = now.get(file.path)
        if file.in_place and content is not None and file.path.endswith(".py"):
            problem = problem_of_place(file, content)
            if problem is not None:
                message = f"it would change another place than its author did: {problem}; {BY_HAND}"
                return EditDiagnosis(Code.NO_SCOPE, message, file=file.path, elsewhere=True)
    return None


def _moved(file: TouchedFile, content: bytes | None) -> str:
    """For files in which nothing tells whether the place is still the right one."""
    if not file.in_place or content is None or file.path.endswith(".py"):
        return ""
    offsets = offsets_in(file, content)
    if not offsets:
        return ""
    lines = ", ".join(dict.fromkeys(f"{offset:+}" for offset in offsets))
    return f"changes {file.path} {lines} lines from where it says"


def _who_broke(path: str, file: _FileState) -> str:
    """The patch after which the file was broken, and before which it was not."""
    sound, broken = -1, len(file.steps) - 1
    while broken - sound > 1:
        middle = (sound + broken) // 2
        content = file.steps[middle][1]
        if content is None or check_result(path, file.first, content) is None:
            sound = middle
        else:
            broken = middle
    return file.steps[broken][0]


def _clash(file: _FileState, changes: Sequence[TextChange]) -> str | None:
    """The earlier patch that changes the same text."""
    new: list[Splice] = settle(changes)
    for name in dict.fromkeys(owner for owner, _ in file.changes):
        earlier = settle(change for owner, change in file.changes if owner == name)
        if first_overlap(earlier, new) is not None:
            return name
    return None
