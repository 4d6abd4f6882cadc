"""Each defect put into a good file is named, and nothing else is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from forkctl.libero.validation import KINDS, FileReport, Severity
from forkctl.libero.validation.file_checks import check_file
from tests.libero.defects import ALL, RAW_ONLY, finding_of, spoil

pytestmark = pytest.mark.slow

# Not in one file: they need several files, a suite, or a reader that dies. Tested elsewhere.
NOT_IN_ONE_FILE = {
    "count-off",
    "count-wrong",
    "duplicate-file",
    "mixed-layouts",
    "reader-crashed",
    "reader-hung",
    "task-missing",
    "task-unknown",
}


def named(report: FileReport) -> set[str]:
    """Codes of errors and warnings; notes are how a layout simply is."""
    return {each.code for each in report.findings if each.severity is not Severity.NOTE}


def test_a_good_file_has_neither_error_nor_warning(pristine: Path) -> None:
    report = check_file(str(pristine))
    assert named(report) == set()
    assert report.facts.demos == 4
    assert report.facts.alignment == ("raw" if report.facts.layout == "raw" else "aligned")


@pytest.mark.parametrize("defect", sorted(ALL))
def test_the_defect_is_named_and_no_other(defect: str, pristine: Path, tmp_path: Path) -> None:
    if defect in RAW_ONLY and pristine.parent.name.startswith("regenerated"):
        return
    copy = Path(shutil.copy(pristine, tmp_path))
    spoil(copy, defect)
    assert named(check_file(str(copy))) == {finding_of(defect)}


def test_every_kind_of_finding_has_a_defect() -> None:
    serious = {code for code, kind in KINDS.items() if kind.severity is not Severity.NOTE}
    assert serious - NOT_IN_ONE_FILE == set(map(finding_of, ALL))


def test_a_compressed_file_is_as_good(tmp_path: Path) -> None:
    from forkctl.libero.schema import FileLayout
    from tests.libero.synthetic import good_file

    report = check_file(str(good_file(tmp_path, FileLayout.RAW, demos=3, compress=True)))
    assert named(report) == set()


def test_without_frames_only_frames_are_missing(tmp_path: Path) -> None:
    from forkctl.libero.schema import FileLayout
    from tests.libero.synthetic import good_file

    path = str(good_file(tmp_path, FileLayout.RAW, demos=3, images=False))
    assert named(check_file(path)) == {"missing-dataset"}
    assert named(check_file(path, images=False)) == set()
