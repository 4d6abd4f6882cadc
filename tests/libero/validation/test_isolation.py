"""A file that hangs or kills its reader is a finding, and the others are checked all the same."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from forkctl.libero.validation import FileReport, isolation
from forkctl.libero.validation.isolation import check_files


def codes(report: FileReport) -> list[str]:
    return [each.code for each in report.findings]


def test_a_reader_that_hangs_is_ended(pristine_raw: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "hangs_demo.hdf5"
    os.mkfifo(pipe)  # opening it waits for a writer that never comes
    paths = [str(pipe), str(pristine_raw)]
    reports = {each.path: each for each in check_files(paths, jobs=1, seconds=3)}
    assert codes(reports[str(pipe)]) == ["reader-hung"]
    assert codes(reports[str(pristine_raw)]) == []


def test_a_reader_that_dies_is_replaced(pristine_raw: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "dies_demo.hdf5"
    os.mkfifo(pipe)
    reader = isolation._Reader()

    def kill() -> None:
        while reader._process is None:
            time.sleep(0.01)
        reader._process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    died = reader.check(str(pipe), True, 60)
    killer.join()
    after = reader.check(str(pristine_raw), True, 60)
    reader.stop()
    assert codes(died) == ["reader-crashed"]
    assert "SIGKILL" in died.findings[0].detail
    assert codes(after) == []


def test_an_abandoned_check_leaves_no_process(pristine_raw: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "waits_demo.hdf5"
    os.mkfifo(pipe)
    others = set(children_of(os.getpid()))  # of tests before this one
    reports = check_files([str(pristine_raw), str(pipe)], jobs=2, seconds=600)
    assert next(reports).path == str(pristine_raw)
    readers = set(children_of(os.getpid())) - others
    assert len(readers) == 2
    closing = threading.Thread(target=reports.close, daemon=True)
    closing.start()
    closing.join(timeout=30)
    assert not closing.is_alive()  # it did not wait for the other reader
    assert not readers & set(children_of(os.getpid()))


def children_of(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
