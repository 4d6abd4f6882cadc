"""The records of shards as one: each episode once, and none of another setup."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.rollouts.outcomes import (
    EpisodeOutcome,
    Key,
    open_outcomes,
    read_outcomes,
)
from forkctl.evaluation.rollouts.playing import ERROR
from forkctl.evaluation.rollouts.summary import RolloutSummary

RECORDS = "episodes*.jsonl"


def find_records(places: Sequence[Path]) -> tuple[Path, ...]:
    """The records that are named, and all those in a named folder."""
    found: list[Path] = []
    for place in places:
        inside = sorted(place.glob(RECORDS)) if place.is_dir() else [place]
        if not inside:
            raise UsageError(f"no record ({RECORDS}) here", where=str(place))
        found += inside
    return tuple(dict.fromkeys(Path(os.path.realpath(path)) for path in found))


def merge(records: Sequence[Path], out: Path) -> RolloutSummary:
    """Write `out`, a record that an evaluation can resume from, and count it."""
    setup, results = _together(
        [path for path in records if path != Path(os.path.realpath(out))] or records
    )
    with open_outcomes(out, setup) as record:
        there = {result.key: result for result in record.results}
        for result in results:
            if result.key not in there or not result.same_as(there[result.key]):
                record.add(result)
        return RolloutSummary(setup, record.results, _missing(record.results))


def count(records: Sequence[Path]) -> RolloutSummary:
    """What the records hold together; writes nothing."""
    setup, results = _together(records)
    return RolloutSummary(setup, tuple(results), _missing(results))


def _together(records: Sequence[Path]) -> tuple[Mapping[str, Any], Sequence[EpisodeOutcome]]:
    first, *_ = records
    setup, _ = read_outcomes(first)
    merged: dict[Key, tuple[EpisodeOutcome, Path]] = {}
    for path in records:
        other, results = read_outcomes(path)
        _require_same(setup, first, other, path)
        for result in results:
            known = merged.get(result.key)
            if known is None or known[0].outcome == ERROR:
                merged[result.key] = (result, path)
            elif result.outcome != ERROR and not result.same_as(known[0]):
                raise ForkctlError(
                    f"trial {result.trial} of {result.task} ended differently in two records: "
                    f"{known[0].outcome} after {known[0].steps} steps, and {result.outcome} after "
                    f"{result.steps}",
                    where=f"{known[1]} and {path}",
                    hint="leave one of them out: they were made with different software",
                )
    return setup, [result for result, _ in merged.values()]


def _require_same(setup: Mapping[str, Any], path: Path, other: Mapping[str, Any], at: Path) -> None:
    """Apart from what differs between machines: the checkpoint's path."""
    one, two = _portable(setup), _portable(other)
    if changed := sorted(key for key in {*one, *two} if one.get(key) != two.get(key)):
        raise ForkctlError(
            f"the records were made with another {', '.join(changed)}",
            where=f"{path} and {at}",
            hint="only shards of one evaluation can be merged",
        )


def _portable(setup: Mapping[str, Any]) -> dict[str, Any]:
    policy = {key: value for key, value in setup["policy"].items() if key != "checkpoint"}
    return {**setup, "policy": policy}


def _missing(results: Sequence[EpisodeOutcome]) -> tuple[Key, ...]:
    """As far as one can tell: every task should have as many trials as the one with the most."""
    counts = Counter(result.task for result in results)
    there = {result.key for result in results}
    longest = max((trial for _, trial in there), default=-1) + 1
    return tuple(
        (task, trial) for task in counts for trial in range(longest) if (task, trial) not in there
    )
