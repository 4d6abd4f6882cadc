"""Make changes of a text in one pass, all located on the same original.

Untouched bytes are copied, never rewritten. Two changes of the same bytes are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Splice:
    """Replace data[start:end] by text. An insertion has start == end."""

    start: int
    end: int
    text: bytes
    # The order of several insertions at one place: what goes after a statement comes before what
    # goes in front of the next one, and what goes after a deeper block before a shallower one.
    rank: int = 0


@dataclass(frozen=True)
class NewArgument:
    """One more argument of a call, or parameter of a definition.

    Several patches may add to the same list, whose commas must be right in the end; so this becomes
    a splice only when all changes of a file are known.
    """

    site: ArgumentSite
    text: str


@dataclass(frozen=True)
class ArgumentSite:
    """Where a list of arguments takes another one, and what surrounds it."""

    offset: int
    opener: str  # before the first new one
    separator: str  # between new ones
    closer: str  # after the last
    own_start: int = field(default=0)  # where a comma goes, if `offset` is past that place

    def splices(self, texts: Sequence[str]) -> Iterable[Splice]:
        text = self.opener + self.separator.join(texts) + self.closer
        yield Splice(self.offset, self.offset, text.encode())
        if self.own_start:
            yield Splice(self.own_start, self.own_start, b",")


TextChange = Splice | NewArgument
BEFORE_NEXT = 1_000_000  # the rank of what belongs to the statement that follows


def settle(changes: Iterable[TextChange]) -> list[Splice]:
    """Every change as a splice, in the order given."""
    splices: list[Splice] = []
    sites: dict[ArgumentSite, list[str]] = {}
    for change in changes:
        if isinstance(change, Splice):
            splices.append(change)
        else:
            sites.setdefault(change.site, []).append(change.text)
    for site, texts in sites.items():
        splices.extend(site.splices(texts))
    return splices


def overlap(left: Splice, right: Splice) -> bool:
    """Whether two changes affect the same bytes; side by side is fine."""
    if left.start == left.end or right.start == right.end:
        return left.start < right.start < left.end or right.start < left.start < right.end
    return max(left.start, right.start) < min(left.end, right.end)


def first_overlap(
    earlier: Sequence[Splice], later: Sequence[Splice]
) -> tuple[Splice, Splice] | None:
    for one in earlier:
        for other in later:
            if overlap(one, other):
                return one, other
    return None


def splice(data: bytes, changes: Iterable[TextChange]) -> bytes:
    """Make all changes at once; those at the same place keep the order given."""
    pieces: list[bytes] = []
    position = 0
    for change in sorted(settle(changes), key=lambda s: (s.start, s.end, s.rank)):
        assert change.start >= position, "overlapping changes must have been refused"
        pieces += (data[position : change.start], change.text)
        position = change.end
    return b"".join([*pieces, data[position:]])
