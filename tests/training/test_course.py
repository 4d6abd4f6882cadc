"""The losses that led to a checkpoint, found by where it lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forkctl.inside.metrics import append_line
from forkctl.training.course import course_of
from forkctl.training.records import Run, link_checkpoints, save
from tests.training.test_records import a_run

START = 1_700_000_000.0


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Ten steps, one a second; saved after the fourth, as a file, and at the end, as a folder."""
    run = a_run(tmp_path / "runs" / "rdt" / "a-1")
    run.folder.mkdir(parents=True)
    save(run)
    steps = range(1, 11)
    for n in steps:
        append_line(run.metrics, {"step": n, "loss": 1 / n, "time": START + n})
    early, late = run.folder / "upstream/step_4.pth", run.folder / "upstream/step_10"
    late.mkdir(parents=True)
    for path, step in ((early, 4), (late / "weights.bin", 10)):
        path.write_bytes(b"")
        os.utime(path, (START + step + 0.5,) * 2)
    link_checkpoints(run, [early, late])
    return run


def test_a_checkpoint_has_the_losses_before_it(run: Run) -> None:
    early, late = (course_of(run.checkpoints / name) for name in ("step_4.pth", "step_10"))
    assert early is not None and late is not None
    assert early.run == "rdt/a-1"
    assert early.losses == tuple((n, 1 / n) for n in range(1, 5))
    assert len(late.losses) == 10


def test_a_link_from_elsewhere_leads_to_the_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.pth").symlink_to(run.checkpoints / "step_4.pth")
    found = course_of(tmp_path / "mine.pth")
    assert found is not None and len(found.losses) == 4


def test_a_checkpoint_of_no_run_has_no_course(tmp_path: Path) -> None:
    (tmp_path / "own.pth").write_bytes(b"")
    assert course_of(tmp_path / "own.pth") is None


def test_losses_without_a_time_count_all(run: Run) -> None:
    run.metrics.write_text("")
    for n in range(1, 4):
        append_line(run.metrics, {"epoch": n, "loss": 1.0})
    found = course_of(run.checkpoints / "step_4.pth")
    assert found is not None and len(found.losses) == 3
