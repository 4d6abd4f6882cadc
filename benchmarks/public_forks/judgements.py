"""What was judged by reading: where the hook of each edit belongs in each version of its file, or
why it must not be there.

A file of judgements names for each edit the `usual` place, where upstream has it, and then, for
each version by its blob id, what differs from that. `blobs` lists every version that was read.

A judgement is a place, a list of places, or one of

    {gone: WHY}     there is no such place
    {solved: WHY}   the fork has done it already, in its own way
    {unfit: WHY}    the anchor is there, and the hook would do the wrong thing
    {doubt: WHY, …} the place is there; what the hook does there, no anchor can tell. Not counted
    {spare: WHY, …} the hook may stand at the place and may be left out
    idle            an optional edit that has nothing to do

and a place is one of

    top                                an import, anywhere at the top level, before its first use
    {before: P} {after: P}             code of the patch beside a statement
    {first: SCOPE} {last: SCOPE}       code of the patch in a body
    {within: SCOPE}                    likewise, anywhere but in a branch
    {swap: P} {guard: P} {remove: P}   the statement replaced, wrapped ($MATCH), or gone
    {call: P, of: NAME}                the patch's keyword in the call of that name
    {param: SCOPE}                     the patch's parameter
    {in: P, from: TEXT, to: TEXT}      other text in a statement, as Python prints it
    {in: P, whole: TEXT}               its value or condition, which is $MATCH

with `holes` for the code's own holes, or `code` in its place, and `brings: removed` for the imports
that other edits take away. `parts` of a patch stand or fall by themselves. `trap` names what a
careless tool gets wrong there.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from benchmarks.public_forks.forks import HERE


class Standing(enum.Enum):
    HERE = "here"
    SPARE = "spare"
    DOUBT = "doubt"
    IDLE = "idle"
    GONE = "gone"
    SOLVED = "solved"
    UNFIT = "unfit"

    @property
    def forbids(self) -> bool:
        return self in (Standing.GONE, Standing.SOLVED, Standing.UNFIT)


@dataclass(frozen=True)
class Spot:
    """One place: how, where, and with what."""

    how: str
    where: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    standing: Standing
    spots: tuple[Spot, ...] = ()
    why: str = ""
    trap: str = ""


@dataclass(frozen=True)
class FileJudgements:
    usual: Mapping[str, Judged]
    blobs: Mapping[str, Mapping[str, Judged]]  # short blob id -> what differs from the usual

    def of(self, blob: str) -> Mapping[str, Judged] | None:
        """None: nobody has read this version."""
        differing = self.blobs.get(blob[:12])
        return None if differing is None else {**self.usual, **differing}


@dataclass(frozen=True)
class PatchJudgements:
    files: Mapping[str, FileJudgements]
    parts: tuple[frozenset[str], ...] = ()  # edits that stand or fall together; empty: all of them


_WHY = {s.value: s for s in Standing if s not in (Standing.HERE, Standing.IDLE)}
_PLACES = (
    "before",
    "after",
    "first",
    "last",
    "within",
    "swap",
    "guard",
    "remove",
    "call",
    "param",
    "in",
)
_MORE = ("of", "from", "to", "whole", "holes", "code", "brings", "names")


@cache
def judgements_of(series: str) -> Mapping[str, PatchJudgements]:
    """The judgements of a series by the patches' names, without their endings."""
    path = HERE / "judgements" / f"{series}.yaml"
    return {name: _patch(entry) for name, entry in _read(path).items()}


def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return loaded


def _patch(entry: Mapping[str, Any]) -> PatchJudgements:
    files = {path: _file(each) for path, each in entry["files"].items()}
    return PatchJudgements(files, tuple(frozenset(part) for part in entry.get("parts", ())))


def _file(entry: Mapping[str, Any]) -> FileJudgements:
    blobs = {
        str(blob): _edits(differing or {}) for blob, differing in (entry["blobs"] or {}).items()
    }
    return FileJudgements(_edits(entry["usual"]), blobs)


def _edits(entry: Mapping[str, Any]) -> dict[str, Judged]:
    return {edit: _judged(value) for edit, value in entry.items()}


def _judged(value: Any) -> Judged:
    if value == "idle":
        return Judged(Standing.IDLE)
    said = value if isinstance(value, dict) else {}
    unknown = set(said) - {*_WHY, *_PLACES, *_MORE, "at", "why", "trap"}
    if unknown:
        raise ValueError(f"a judgement has unknown words: {', '.join(map(str, sorted(unknown)))}")
    reason = next((word for word in _WHY if word in said), None)
    standing = _WHY[reason] if reason else Standing.HERE
    why = str(said[reason]) if reason else str(said.get("why", ""))
    places = said.get("at", value)
    spots = tuple(_spot(each) for each in (places if isinstance(places, list) else [places]))
    spots = tuple(spot for spot in spots if spot.how)
    return Judged(standing, spots, why, str(said.get("trap", "")))


def _spot(value: Any) -> Spot:
    if value == "top":
        return Spot("top")
    how = next((word for word in _PLACES if word in value), "")
    more = {key: text for key, text in value.items() if key in _MORE}
    return Spot(how, str(value.get(how, "")), more)


def all_judged(judged: Sequence[Judged]) -> Standing:
    """How edits stand together: one that must not be made forbids, one in doubt leaves it open."""
    if any(each.standing.forbids for each in judged):
        return Standing.UNFIT
    if any(each.standing is Standing.DOUBT for each in judged):
        return Standing.DOUBT
    return Standing.HERE
