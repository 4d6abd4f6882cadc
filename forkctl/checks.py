"""What a check found: one line for the user, and whether it stands in the way."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from forkctl.errors import ForkctlError


class CheckStatus(str, enum.Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    subject: str
    status: CheckStatus
    text: str
    hint: str | None = None


def ok(subject: str, text: str) -> Check:
    return Check(subject, CheckStatus.OK, text)


def warning(subject: str, text: str, hint: str | None = None) -> Check:
    return Check(subject, CheckStatus.WARNING, text, hint)


def failed(subject: str, text: str, hint: str | None = None) -> Check:
    return Check(subject, CheckStatus.FAILED, text, hint)


def from_error(subject: str, error: ForkctlError) -> Check:
    place = f"{error.where}: " if error.where else ""
    return Check(subject, CheckStatus.FAILED, place + error.message, error.hint)


def any_failed(checks: Iterable[Check]) -> bool:
    return any(check.status is CheckStatus.FAILED for check in checks)
