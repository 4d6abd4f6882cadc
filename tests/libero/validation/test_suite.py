"""What is only seen when files are compared with each other, or with the suite."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from forkctl.libero.schema import FileLayout
from forkctl.libero.suites import SUITES
from forkctl.libero.validation import FileFacts, FileReport, Finding, suite_checks, validate
from tests.libero.synthetic import OTHER_TASK, TASK, good_file

GOAL = SUITES["libero_goal"]


def report(task: str, demos: int, alignment: str = "raw") -> FileReport:
    size = 128 if alignment == "raw" else 256
    facts = FileFacts(task, alignment=alignment, image_size=size, demos=demos)
    return FileReport(f"/data/{task}_demo.hdf5", facts, ())


def codes(findings: object) -> list[str]:
    return [each.code for each in findings]  # type: ignore[attr-defined]


def test_a_complete_raw_suite_has_no_findings() -> None:
    assert codes(suite_checks.check([report(task, 50) for task in GOAL.tasks], "libero_goal")) == []


def test_a_few_per_cent_are_a_warning_and_more_an_error() -> None:
    reports = [report(task, 50) for task in GOAL.tasks]
    reports[0], reports[1] = report(GOAL.tasks[0], 48), report(GOAL.tasks[1], 40)
    assert codes(suite_checks.check(reports, "libero_goal")) == ["count-off", "count-wrong"]


def test_regenerated_counts_are_those_of_the_whole_suite() -> None:
    def regenerated(total: int) -> list[FileReport]:
        counts = [total // 10 + (index < total % 10) for index in range(10)]
        return [
            report(task, count, "aligned") for task, count in zip(GOAL.tasks, counts, strict=True)
        ]

    assert codes(suite_checks.check(regenerated(428), "libero_goal")) == []
    # what another person's replay gave
    assert codes(suite_checks.check(regenerated(437), "libero_goal_no_noops")) == ["count-off"]
    assert codes(suite_checks.check(regenerated(300), "libero_goal")) == ["count-wrong"]


def test_missing_and_foreign_tasks_are_named() -> None:
    reports = [report(task, 50) for task in (*GOAL.tasks[1:], SUITES["libero_object"].tasks[0])]
    assert codes(suite_checks.check(reports, "libero_goal")) == ["task-missing", "task-unknown"]


def test_layouts_in_one_folder_are_told_apart() -> None:
    mixed = [report(TASK, 50), report(OTHER_TASK, 43, "aligned")]
    assert codes(suite_checks.check(mixed)) == ["mixed-layouts"]


def test_a_file_copied_under_another_name_is_found(pristine_raw: Path, tmp_path: Path) -> None:
    first = Path(shutil.copy(pristine_raw, tmp_path))
    second = Path(shutil.copy(pristine_raw, tmp_path / f"{OTHER_TASK}_demo.hdf5"))
    report = validate([first, second], jobs=2)
    assert codes(report.together) == ["duplicate-file"]
    assert "4 demos" in report.together[0].detail


def test_a_damaged_file_does_not_stop_the_others(pristine_raw: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "a_damaged_demo.hdf5"
    damaged.write_bytes(pristine_raw.read_bytes()[:1000])
    seen: list[str] = []
    report = validate([damaged, pristine_raw], on_file=lambda each: seen.append(each.path))
    assert [codes(each.findings) for each in report.files] == [["unreadable-file"], []]
    assert sorted(seen) == sorted([str(damaged), str(pristine_raw)])


def test_reports_survive_json() -> None:
    finding = Finding("image-bgr", "blue", "demo_0")
    before = replace(report(TASK, 3), findings=(finding,))
    assert FileReport.from_json(before.to_json()) == before


def test_regenerated_files_pass_as_a_suite_of_their_own(tmp_path: Path) -> None:
    path = good_file(tmp_path, FileLayout.REGENERATED, demos=3)
    assert codes(validate([path]).together) == []
