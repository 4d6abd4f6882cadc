"""What a check found: one line for a person, and whether it stands in the way."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from forkctl.errors import ForkctlError


class Verdict(str, enum.Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    subject: str
    verdict: Verdict
    text: str
    hint: str | None = None


def ok(subject: str, text: str) -> Finding:
    return Finding(subject, Verdict.OK, text)


def warning(subject: str, text: str, hint: str | None = None) -> Finding:
    return Finding(subject, Verdict.WARNING, text, hint)


def failed(subject: str, text: str, hint: str | None = None) -> Finding:
    return Finding(subject, Verdict.FAILED, text, hint)


def from_error(subject: str, error: ForkctlError) -> Finding:
    place = f"{error.where}: " if error.where else ""
    return Finding(subject, Verdict.FAILED, place + error.message, error.hint)


def any_failed(findings: Iterable[Finding]) -> bool:
    return any(finding.verdict is Verdict.FAILED for finding in findings)
