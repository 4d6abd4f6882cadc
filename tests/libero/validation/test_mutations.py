"""Each defect put into a good file is named, and nothing else is."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import pytest

from forkctl.libero.synth.defects import Defect, put_in
from forkctl.libero.tools.convert import ConvertOptions, convert_file
from forkctl.libero.tools.merge import MergeOptions, merge
from forkctl.libero.validation import KINDS, FileReport, Severity
from forkctl.libero.validation.file_checks import check_file
from tests.libero.defects import ALL, RAW_ONLY, both, finding_of, grainy, spoil

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


def test_a_thing_held_off_the_middle_of_the_fingers_is_no_fault(
    pristine_raw: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(pristine_raw, tmp_path))
    with h5py.File(copy, "r+") as file:
        for demo in file["data"].values():
            closed = demo["actions"][:, 6] > 0
            demo["obs/gripper_states"][...] += 0.012 * closed[:, None]
    assert named(check_file(str(copy))) == set()


def test_noise_in_the_pixels_is_no_fault(pristine: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(pristine, tmp_path))
    put_in(copy, Defect("", both(grainy)))
    assert named(check_file(str(copy))) == set()


def test_left_out_noops_are_noted_and_no_fault_of_the_clock(
    pristine_raw: Path, tmp_path: Path
) -> None:
    target = tmp_path / pristine_raw.name
    report = convert_file((pristine_raw, target), ConvertOptions(drop_noops=True))
    assert report.noops > 0
    findings = check_file(str(target)).findings
    assert {each.code for each in findings} == {"noops-dropped"}


@pytest.mark.parametrize("stride", [1, 4])
def test_what_was_resampled_here_is_not_judged_by_the_rules_for_20_hz(
    pristine_raw: Path, tmp_path: Path, stride: int
) -> None:
    target = tmp_path / pristine_raw.name
    convert_file((pristine_raw, target), ConvertOptions(hz=5, stride=stride))
    assert named(check_file(str(target))) == set()
    merged = tmp_path / "all_demo.hdf5"
    merge([target], merged, MergeOptions())
    assert named(check_file(str(merged))) == set()


def test_without_states_only_states_are_missing(pristine: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(pristine, tmp_path))
    with h5py.File(copy, "r+") as file:
        for demo in file["data"].values():
            del demo["states"]
    found = check_file(str(copy)).findings
    assert {each.where for each in found if each.severity is not Severity.NOTE} == {
        f"demo_{number}/states" for number in numbers_of(copy)
    }


def numbers_of(path: Path) -> list[int]:
    with h5py.File(path) as file:
        return [int(name.removeprefix("demo_")) for name in file["data"]]


def test_a_demo_that_is_no_group_any_more_is_an_error(pristine: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(pristine, tmp_path))
    with h5py.File(copy, "r+") as file:
        name = list(file["data"])[-1]
        del file["data"][name]
        file["data"][name] = 0
    assert "unreadable-dataset" in named(check_file(str(copy)))


def test_what_is_wrong_with_one_demo_is_said_of_it(pristine_raw: Path, tmp_path: Path) -> None:
    for defect in ("gripper-inverted-in-one", "upright-in-one", "cameras-swapped-in-one"):
        copy = Path(shutil.copy(pristine_raw, tmp_path))
        spoil(copy, defect)
        assert [each.where for each in check_file(str(copy)).findings] == ["demo_2"]
