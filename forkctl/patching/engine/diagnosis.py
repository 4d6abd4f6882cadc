"""Why an edit could not be made, in a form that its author can act on.

The nearest candidates are for reading only. They are often *not* the right place, so the engine
never applies one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Code(enum.Enum):
    """Why an edit was not made."""

    PARSE = "parse"  # the file is not valid Python, JSON or YAML
    NO_FILE = "no-file"
    NO_SCOPE = "no-scope"
    AMBIGUOUS_SCOPE = "ambiguous-scope"
    NO_ANCHOR = "no-anchor"
    AMBIGUOUS = "ambiguous"
    LAYOUT = "layout"  # the place was found, but text cannot be put there safely
    KIND = "kind"  # the operation does not fit what was matched
    CONFLICT = "conflict"  # it is there already, with a different value
    OVERLAP = "overlap"  # two edits change the same text
    BROKEN_RESULT = "broken-result"  # the result would not compile, or would use an undefined name


@dataclass(frozen=True)
class Candidate:
    """A place that looks like the one the edit is for."""

    line: int
    scope: str
    text: str  # one line, shortened
    similarity: float


@dataclass(frozen=True)
class EditDiagnosis:
    code: Code
    message: str
    file: str = ""
    edit: str = ""
    anchor: str = ""
    scope: str = ""
    lines: tuple[int, ...] = ()  # the places that matched, if they are the problem
    candidates: tuple[Candidate, ...] = ()
    elsewhere: bool = False  # the anchor is in the file, but not where the edit looks

    def describe(self) -> str:
        """As several lines for the terminal."""
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
    """Raised inside of the engine when an edit cannot be made; it becomes a EditDiagnosis."""

    def __init__(self, code: Code, message: str, *, lines: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.lines = lines
