"""Why an edit could not be made, in a form that a person can act on.

The nearest candidates are for reading only. They are often *not* the right place, so nothing in
the engine ever applies one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Code(enum.Enum):
    """What kept an edit from being made."""

    PARSE = "parse"  # the file cannot be read as what it should be
    NO_FILE = "no-file"
    NO_SCOPE = "no-scope"
    AMBIGUOUS_SCOPE = "ambiguous-scope"
    NO_ANCHOR = "no-anchor"
    AMBIGUOUS = "ambiguous"
    LAYOUT = "layout"  # the place is known, but text cannot be put there safely
    KIND = "kind"  # the operation does not fit what was matched
    CONFLICT = "conflict"  # it is there already, with another value
    OVERLAP = "overlap"  # two edits want the same text
    BROKEN_RESULT = "broken-result"  # the result would not compile, or lacks a name


@dataclass(frozen=True)
class Candidate:
    """A place that looks like the one that was sought."""

    line: int
    scope: str
    text: str  # one line, shortened
    similarity: float


@dataclass(frozen=True)
class Diagnosis:
    code: Code
    message: str
    file: str = ""
    edit: str = ""
    anchor: str = ""
    scope: str = ""
    lines: tuple[int, ...] = ()  # the places that matched, where that is the trouble
    candidates: tuple[Candidate, ...] = ()
    elsewhere: bool = False  # the anchor stands in the file, but not where the edit looks

    def describe(self) -> str:
        """Several lines for the terminal."""
        place = f"{self.file} [{self.edit}]" if self.edit else self.file
        lines = [f"{place}: {self.code.value}: {self.message}"]
        if self.anchor:
            lines.append(f"  anchor: {self.anchor}")
        if self.scope:
            lines.append(f"  scope:  {self.scope}")
        if self.lines:
            lines.append(f"  lines:  {', '.join(map(str, self.lines))}")
        for candidate in self.candidates:
            lines.append(
                f"  nearest: line {candidate.line} in {candidate.scope} "
                f"({candidate.similarity:.0%}): {candidate.text}"
            )
        return "\n".join(lines)


class Refusal(Exception):
    """Raised inside the engine where an edit cannot be made; it ends as a Diagnosis."""

    def __init__(self, code: Code, message: str, *, lines: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.lines = lines
