"""Drift as plain data for --json, as one HTML file, and as a number for each patch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

from forkctl.patching import ENGINE_VERSION
from forkctl.patching.drift.fork_drift import FileDrift, ForkDrift, VersionOutcome
from forkctl.patching.drift.history import Version
from forkctl.patching.model import Verdict

WORDS = {
    Verdict.CLEAN: "clean",
    Verdict.ALREADY: "already upstream",
    Verdict.MOVED: "anchor moved",
    Verdict.GONE: "gone",
    Verdict.AMBIGUOUS: "ambiguous",
    Verdict.BROKEN: "broken",
    Verdict.NOT_FOR_THIS_FORK: "skipped",
}


def report_as_json(drifts: Sequence[ForkDrift]) -> dict[str, Any]:
    return {
        "engine": ENGINE_VERSION,
        "verdicts": {verdict.value: word for verdict, word in WORDS.items()},
        "forks": [
            {
                "fork": fork.fork,
                "pin": fork.upstream.pin,
                "head": fork.upstream.head,
                "files": [_file(file) for file in fork.files],
            }
            for fork in drifts
        ],
    }


def _file(file: FileDrift) -> dict[str, Any]:
    return {
        "path": file.history.path,
        "at_pin": file.history.at_pin,
        "at_head": file.history.at_head,
        "versions": [_version(version) for version in file.history.versions],
        "patches": [
            {
                "patch": patch.title,
                "subject": patch.subject,
                "at_pin": _outcome(patch.at_pin),
                "at_head": _outcome(patch.at_head),
                "findings": [_outcome(outcome) for outcome in patch.outcomes],
            }
            for patch in file.patches
        ],
    }


def _version(version: Version) -> dict[str, Any]:
    commit = version.first
    date = datetime.fromtimestamp(commit.time, timezone.utc).date().isoformat()
    return {
        "blob": version.blob,
        "commit": commit.id,
        "date": date,
        "subject": commit.subject,
        "mainline": commit.mainline,
    }


def _outcome(outcome: VersionOutcome) -> dict[str, Any]:
    return {
        "verdict": outcome.verdict.value,
        "elsewhere": outcome.elsewhere,
        "why": list(outcome.why),
    }


def render_heatmap(report: dict[str, Any]) -> str:
    """The page for a report that `report_as_json` made."""
    # without "<" in the data, no subject of a commit can end the script element
    data = json.dumps(report, separators=(",", ":")).replace("<", "\\u003c")
    template = files(__package__).joinpath("heatmap.html").read_text(encoding="utf-8")
    return template.replace("__REPORT__", data)


@dataclass(frozen=True)
class Coverage:
    """The versions of a patch's files, in all forks of its series, and on how many it applies."""

    applies: int
    versions: int

    def __str__(self) -> str:
        return f"{self.applies} of {self.versions}"


def coverage_of(drifts: Sequence[ForkDrift]) -> Mapping[str, Coverage]:
    """By the patch's title. A version that several forks have in common counts once."""
    verdicts: dict[tuple[str, str, str], bool] = {}
    for fork in drifts:
        for file in fork.files:
            blobs = [version.blob for version in file.history.versions]
            for patch in file.patches:
                for blob, outcome in zip(blobs, patch.outcomes, strict=True):
                    key = (patch.title, file.history.path, blob)
                    verdicts[key] = verdicts.get(key, True) and not outcome.verdict.failed
    versions = Counter(title for title, _, _ in verdicts)
    applies = Counter(title for (title, _, _), good in verdicts.items() if good)
    return {title: Coverage(applies[title], versions[title]) for title in versions}
