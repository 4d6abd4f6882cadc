"""A whole validation: every file, and all files together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from forkctl.libero.suites import get_suite
from forkctl.libero.validation import suite_checks
from forkctl.libero.validation.catalogue import Severity
from forkctl.libero.validation.findings import FileReport, Finding
from forkctl.libero.validation.isolation import check_files


@dataclass(frozen=True)
class ValidationReport:
    files: Tuple[FileReport, ...]
    together: Tuple[Finding, ...]  # about several files, or the suite

    @property
    def findings(self) -> Tuple[Finding, ...]:
        return tuple(found for report in self.files for found in report.findings) + self.together

    def count(self, severity: Severity) -> int:
        return sum(finding.severity is severity for finding in self.findings)

    def to_json(self) -> Dict[str, Any]:
        return {
            "files": [report.to_json() for report in self.files],
            "together": [finding.to_json() for finding in self.together],
            "errors": self.count(Severity.ERROR),
            "warnings": self.count(Severity.WARNING),
        }


def validate(
    paths: Sequence[Path],
    *,
    suite: Optional[str] = None,
    images: bool = True,
    jobs: int = 1,
    seconds: Optional[float] = None,
    on_file: Callable[[FileReport], None] = lambda report: None,
) -> ValidationReport:
    """Check files (see `find_files`); reports come in the order of the paths."""
    if suite is not None:
        get_suite(suite)  # refuse a wrong name before minutes of reading
    reports: Dict[str, FileReport] = {}
    names = [str(path) for path in paths]
    for report in check_files(names, images=images, jobs=jobs, seconds=seconds):
        reports[report.path] = report
        on_file(report)
    ordered = tuple(reports[name] for name in names)
    return ValidationReport(ordered, tuple(suite_checks.check(ordered, suite)))
