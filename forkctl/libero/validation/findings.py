"""What validation finds in a file, to be printed, counted, or sent as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from forkctl.libero.validation.catalogue import KINDS, FindingKind, Severity


@dataclass(frozen=True)
class Finding:
    """`where` is a demo or dataset within the file ("" = the file); `detail` has the numbers."""

    code: str
    detail: str
    where: str = ""

    @property
    def kind(self) -> FindingKind:
        return KINDS[self.code]

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    def to_json(self) -> Dict[str, str]:
        kind = self.kind
        return {
            "code": self.code,
            "severity": kind.severity.value,
            "where": self.where,
            "detail": self.detail,
            "breaks": kind.breaks,
            "mend": kind.mend,
        }


def of_demos(code: str, details: Mapping[str, str], judged: int) -> Iterator[Finding]:
    """`details` by demo. What all the judged demos share, of two or more, is the file's."""
    if len(details) == judged > 1:
        yield Finding(code, f"{next(iter(details.values()))} (all demos)")
        return
    for name, detail in details.items():
        yield Finding(code, detail, name)


@dataclass(frozen=True)
class FileFacts:
    """What a file turned out to be, for the checks over several files too."""

    task: str
    layout: str = ""
    alignment: str = ""
    image_size: Optional[int] = None
    demos: int = 0
    steps: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)  # demo name -> digest of its motion


@dataclass(frozen=True)
class FileReport:
    path: str
    facts: FileFacts
    findings: Tuple[Finding, ...]

    def to_json(self) -> Dict[str, Any]:
        return {
            "path": self.path,
            "facts": asdict(self.facts),
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FileReport:
        findings = tuple(
            Finding(each["code"], each["detail"], each["where"]) for each in data["findings"]
        )
        return cls(data["path"], FileFacts(**data["facts"]), findings)
