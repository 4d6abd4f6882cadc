"""Checks over several files: copies, mixtures, and what a suite should hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import DefaultDict, Dict, Iterator, List, Optional, Sequence, Tuple

from forkctl.libero.alignment import RAW
from forkctl.libero.suites import DEMOS_PER_TASK, Suite, get_suite
from forkctl.libero.validation.findings import FileReport, Finding

_FEW_PER_CENT = 0.05


def check(reports: Sequence[FileReport], suite: Optional[str] = None) -> Iterator[Finding]:
    """`where` of these findings is a file's name, or "" for the whole set."""
    yield from _copies(reports)
    yield from _mixtures(reports)
    if suite is not None:
        wanted = get_suite(suite)
        yield from _tasks(reports, wanted)
        yield from _counts(reports, wanted)


def _copies(reports: Sequence[FileReport]) -> Iterator[Finding]:
    owners: DefaultDict[str, List[str]] = defaultdict(list)
    for report in reports:
        for digest in set(report.facts.digests.values()):
            owners[digest].append(report.path)
    shared: Counter[Tuple[str, str]] = Counter()
    for paths in owners.values():
        for other in paths[1:]:
            shared[(paths[0], other)] += 1
    for (first, other), count in shared.items():
        detail = f"{count} demos are also in {Path(first).name}"
        yield Finding("duplicate-file", detail, Path(other).name)


def _mixtures(reports: Sequence[FileReport]) -> Iterator[Finding]:
    kinds: Dict[Tuple[str, Optional[int]], str] = {}
    for report in reports:
        if report.facts.alignment:
            key = (report.facts.alignment, report.facts.image_size)
            kinds.setdefault(key, Path(report.path).name)
    if len(kinds) > 1:
        listed = "; ".join(
            f"{name} is {alignment}" + (f", {size} px" if size else "")
            for (alignment, size), name in kinds.items()
        )
        yield Finding("mixed-layouts", listed)


def _tasks(reports: Sequence[FileReport], suite: Suite) -> Iterator[Finding]:
    present = {report.facts.task for report in reports}
    for task in suite.tasks:
        if task not in present:
            yield Finding("task-missing", f"no file for {task}")
    for report in reports:
        if report.facts.task not in suite.tasks:
            detail = f"{report.facts.task} is not a task of {suite.name}"
            yield Finding("task-unknown", detail, Path(report.path).name)


def _counts(reports: Sequence[FileReport], suite: Suite) -> Iterator[Finding]:
    """Raw files hold 50 demos each; of the regenerated set only the suite's total is known."""
    mine = [report for report in reports if report.facts.task in suite.tasks]
    raw = [report for report in mine if report.facts.alignment == RAW]
    for report in raw:
        yield from _count(report.facts.demos, DEMOS_PER_TASK, Path(report.path).name)
    others = [report for report in mine if report.facts.alignment and report not in raw]
    if others and suite.regenerated_demos:
        share = len({report.facts.task for report in others}) / len(suite.tasks)
        expected = round(suite.regenerated_demos * share)
        yield from _count(sum(report.facts.demos for report in others), expected, "")


def _count(found: int, expected: int, where: str) -> Iterator[Finding]:
    if found == expected:
        return
    off = abs(found - expected) / expected
    code = "count-off" if off <= _FEW_PER_CENT else "count-wrong"
    yield Finding(code, f"{found} demos where {expected} are published ({off:.1%} off)", where)
