"""What patches are, once they have been read and checked, and the outcomes of applying them.

Everything here is frozen and has no state: `reading` makes these values, `engine` and `series` use
them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forkctl.forks.commits import Author
from forkctl.patching.engine.diagnosis import Code, EditDiagnosis
from forkctl.patching.engine.pattern import Pattern
from forkctl.patching.engine.scopes import MODULE
from forkctl.patching.engine.template import Template


class Verb(enum.Enum):
    """What to do at an anchor; the value is the key in a patch file."""

    INSERT_BEFORE = "insert_before"
    INSERT_AFTER = "insert_after"
    PREPEND = "prepend"
    APPEND = "append"
    REPLACE = "replace"
    REMOVE = "remove"
    WRAP = "wrap"
    ADD_PARAM = "add_param"
    ADD_KWARG = "add_kwarg"


@dataclass(frozen=True)
class Imports:
    """`from MODULE import …` of at least these names."""

    module: str  # with leading dots where the import is relative
    names: tuple[str, ...]  # "name" or "name as other"


@dataclass(frozen=True)
class Expect:
    """How many places must match."""

    least: int = 1
    most: int | None = 1  # None: any number


@dataclass(frozen=True)
class Search:
    """A pattern and the scope to look for it in: `unless`, and conditions of `when`."""

    pattern: Pattern
    scopes: tuple[str, ...] = (MODULE,)
    nested: bool = False


@dataclass(frozen=True)
class Selector:
    """The places of a file that an edit is for."""

    scopes: tuple[str, ...] = (MODULE,)
    target: Pattern | Imports | None = None  # None: the scope itself
    at: str | None = None  # narrow the anchor to what fills this hole
    where: tuple[tuple[str, str], ...] = ()  # hole -> regular expression
    inside: tuple[Pattern, ...] = ()
    not_inside: tuple[Pattern, ...] = ()
    always: bool = False  # it runs on every way through the scope, or through what `inside` shows
    nested: bool = False
    expect: Expect = Expect()
    pick: str | int | None = None  # "first", "last", or a number from 1


@dataclass(frozen=True)
class Operation:
    verb: Verb
    code: Template | None = None  # None for `remove`


@dataclass(frozen=True)
class Alternative:
    selector: Selector
    operation: Operation


@dataclass(frozen=True)
class CodeEdit:
    """One change of a Python file. The first alternative whose anchor is found is used."""

    id: str
    line: int  # in the patch file
    alternatives: tuple[Alternative, ...]
    unless: Search | None = None
    optional: bool = False


@dataclass(frozen=True)
class DataEdit:
    """One value of a JSON or YAML file: `set` changes an existing one, `add` adds a new one."""

    id: str
    line: int
    path: tuple[str | int, ...]
    value: object
    adds: bool = False
    optional: bool = False


Edit = CodeEdit | DataEdit


@dataclass(frozen=True)
class FileEdits:
    path: str  # posix, relative to the root of the fork
    edits: tuple[Edit, ...]
    optional: bool = False  # the file may be absent


@dataclass(frozen=True)
class Condition:
    """One line of `when`: a file that exists or does not, or that has a pattern or does not."""

    file: str
    present: bool = True
    search: Search | None = None


@dataclass(frozen=True)
class StructuralPatch:
    """A `NNNN-name.yaml`, which says by structure where its code goes."""

    name: str
    series: str
    path: Path
    digest: str  # "sha256:…" of the file's bytes
    subject: str
    why: str
    files: tuple[FileEdits, ...]
    forks: tuple[str, ...] = ()  # empty: all
    when: tuple[Condition, ...] = ()

    @property
    def title(self) -> str:
        """Its name in messages and trailers."""
        return f"{self.series}/{self.name}"

    @property
    def touched(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)


@dataclass(frozen=True)
class PlainPatch:
    """A `NNNN-name.patch`: a commit as `git format-patch` writes it."""

    name: str
    series: str
    path: Path
    digest: str
    subject: str
    why: str
    author: Author | None
    diff: bytes = field(repr=False)
    files: tuple[str, ...] = ()
    executable: Mapping[str, bool] = field(default_factory=dict)  # modes set by the diff
    forks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.series}/{self.name}"

    @property
    def touched(self) -> tuple[str, ...]:
        return self.files


Patch = StructuralPatch | PlainPatch


class EditStatus(enum.Enum):
    APPLIED = "applied"
    ALREADY = "already"  # made already
    NOT_NEEDED = "not needed"  # an `optional` anchor is absent
    FAILED = "failed"


@dataclass(frozen=True)
class EditOutcome:
    file: str
    edit: str
    status: EditStatus
    lines: tuple[int, ...] = ()  # of the anchors, in the text that the edit was located on
    diagnosis: EditDiagnosis | None = None
    note: str = ""  # what to look at, although it was made

    @classmethod
    def of_failure(cls, diagnosis: EditDiagnosis) -> EditOutcome:
        return cls(diagnosis.file, diagnosis.edit, EditStatus.FAILED, diagnosis.lines, diagnosis)


class Verdict(enum.Enum):
    """The outcome of a patch on one version of upstream; ordered from good to bad."""

    CLEAN = "clean"
    ALREADY = "already"
    NOT_FOR_THIS_FORK = "not_for_this_fork"
    MOVED = "moved"
    GONE = "gone"
    AMBIGUOUS = "ambiguous"
    BROKEN = "broken"

    @property
    def failed(self) -> bool:
        return self in (Verdict.MOVED, Verdict.GONE, Verdict.AMBIGUOUS, Verdict.BROKEN)


@dataclass(frozen=True)
class PatchOutcome:
    patch: Patch
    verdict: Verdict
    edits: tuple[EditOutcome, ...] = ()

    @property
    def diagnoses(self) -> tuple[EditDiagnosis, ...]:
        return diagnoses_of(self.edits)


def diagnoses_of(outcomes: Sequence[EditOutcome]) -> tuple[EditDiagnosis, ...]:
    return tuple(outcome.diagnosis for outcome in outcomes if outcome.diagnosis is not None)


def verdict_of(outcomes: Sequence[EditOutcome]) -> Verdict:
    """The verdict on a patch, from the outcomes of its edits."""
    failures = diagnoses_of(outcomes)
    if failures:
        return max(map(_verdict_on_failure, failures), key=list(Verdict).index)
    if any(outcome.status is EditStatus.APPLIED for outcome in outcomes):
        return Verdict.CLEAN
    if any(outcome.status is EditStatus.ALREADY for outcome in outcomes):
        return Verdict.ALREADY
    return Verdict.GONE  # every edit is optional, and none found its place


def _verdict_on_failure(diagnosis: EditDiagnosis) -> Verdict:
    if diagnosis.code in (Code.NO_ANCHOR, Code.NO_SCOPE):
        return Verdict.MOVED if diagnosis.elsewhere else Verdict.GONE
    if diagnosis.code is Code.NO_FILE:
        return Verdict.GONE
    if diagnosis.code in (Code.AMBIGUOUS, Code.AMBIGUOUS_SCOPE):
        return Verdict.AMBIGUOUS
    return Verdict.BROKEN
