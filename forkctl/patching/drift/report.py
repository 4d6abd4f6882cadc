"""Drift as plain data: what --json prints and the heat map shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from forkctl.patching import ENGINE_VERSION
from forkctl.patching.drift.history import Version
from forkctl.patching.drift.looking import FileDrift, Finding, ForkDrift
from forkctl.patching.model import Verdict

WORDS = {
    Verdict.CLEAN: "clean",
    Verdict.ALREADY: "already upstream",
    Verdict.MOVED: "anchor moved",
    Verdict.GONE: "gone",
    Verdict.AMBIGUOUS: "ambiguous",
    Verdict.BROKEN: "broken",
    Verdict.NOT_FOR_THIS_FORK: "not for it",
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
                "at_pin": _finding(patch.at_pin),
                "at_head": _finding(patch.at_head),
                "findings": [_finding(finding) for finding in patch.findings],
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


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": finding.verdict.value,
        "elsewhere": finding.elsewhere,
        "why": list(finding.why),
    }
