"""What patches are, once they have been read and checked, and what came of applying them.

Everything here is frozen, holds no open files and no state, and says nothing about how the work is
done: `loading` makes these values, `render` and `series` use them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forkctl.patching.engine.code import Template
from forkctl.patching.engine.diagnosis import Diagnosis
from forkctl.patching.engine.pattern import Pattern
from forkctl.patching.engine.scopes import MODULE


class Verb(enum.Enum):
    """What is done at an anchor; the value is the key in a patch file."""

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
    """A pattern and the scope that it is looked for in: `unless`, and conditions of `when`."""

    pattern: Pattern
    scopes: tuple[str, ...] = (MODULE,)
    nested: bool = False


@dataclass(frozen=True)
class Selector:
    """Which places of a file an edit is about."""

    scopes: tuple[str, ...] = (MODULE,)
    target: Pattern | Imports | None = None  # None: the scope itself
    at: str | None = None  # narrow the anchor to what this hole stands for
    where: tuple[tuple[str, str], ...] = ()  # hole -> regular expression
    inside: tuple[Pattern, ...] = ()
    not_inside: tuple[Pattern, ...] = ()
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
    """One change of a Python file. The first alternative whose anchor is there is taken."""

    id: str
    line: int  # in the patch file
    alternatives: tuple[Alternative, ...]
    unless: Search | None = None
    optional: bool = False


@dataclass(frozen=True)
class DataEdit:
    """One value of a JSON or YAML file: `set` changes one that is there, `add` brings a new one."""

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
    """One line of `when`: a file that exists or does not, or that holds a pattern or does not."""

    file: str
    present: bool = True
    search: Search | None = None


@dataclass(frozen=True)
class Identity:
    name: str
    email: str
    date: str  # as git keeps it: "<unix seconds> <+zzzz>"


@dataclass(frozen=True)
class StructuralPatch:
    """A `NNNN-name.yaml`: says by structure where its code goes."""

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
        """How messages and trailers name it."""
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
    author: Identity | None
    diff: bytes = field(repr=False)
    files: tuple[str, ...] = ()
    executable: Mapping[str, bool] = field(default_factory=dict)  # modes that the diff sets
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
    ALREADY = "already"  # the file says so already
    NOT_NEEDED = "not needed"  # `unless` holds, or an `optional` anchor is absent
    FAILED = "failed"


@dataclass(frozen=True)
class EditOutcome:
    file: str
    edit: str
    status: EditStatus
    lines: tuple[int, ...] = ()  # of the anchors, in the text that the edit was located on
    diagnosis: Diagnosis | None = None


class Verdict(enum.Enum):
    """How a patch stands to one version of upstream; ordered from good to bad."""

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


@dataclass(frozen=True)
class FileChange:
    path: str
    content: bytes | None = field(repr=False)  # None: the file is deleted
    executable: bool | None = None  # None: the mode stays as it is; a new file gets 100644


@dataclass(frozen=True)
class CommitPlan:
    name: str
    message: str
    changes: tuple[FileChange, ...]
    author: Identity | None = None  # None: forkctl's own
