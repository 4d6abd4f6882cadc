"""The whole of a validation: every file, and all files together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from forkctl.libero.errors import LiberoError
from forkctl.libero.suites import get_suite
from forkctl.libero.validation import suite as suite_checks
from forkctl.libero.validation.catalogue import Severity
from forkctl.libero.validation.finding import FileReport, Finding
from forkctl.libero.validation.isolation import check_files

ENDINGS = (".hdf5", ".h5")


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
    workers: int = 1,
    seconds: Optional[float] = None,
    on_file: Callable[[FileReport], None] = lambda report: None,
) -> ValidationReport:
    """Check files (see `find_files`); reports come in the order of the paths."""
    if suite is not None:
        get_suite(suite)  # a wrong name should not cost minutes of reading
    reports: Dict[str, FileReport] = {}
    names = [str(path) for path in paths]
    for report in check_files(names, images=images, workers=workers, seconds=seconds):
        reports[report.path] = report
        on_file(report)
    ordered = tuple(reports[name] for name in names)
    return ValidationReport(ordered, tuple(suite_checks.check(ordered, suite)))


def find_files(paths: Iterable[Path]) -> List[Path]:
    """The HDF5 files among and below `paths`, each once, sorted within a folder."""
    found: Dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = (p for p in path.rglob("*") if p.suffix in ENDINGS and p.is_file())
            found.update(dict.fromkeys(sorted(below)))
        elif path.exists():
            found[path] = None
        else:
            raise LiberoError("there is no such file or folder", where=str(path))
    if not found:
        listed = ", ".join(str(path) for path in paths)
        raise LiberoError(
            f"no {' or '.join(ENDINGS)} file here",
            where=listed,
            hint="Get one: forkctl data download SUITE, or forkctl data synth SUITE.",
        )
    return list(found)
