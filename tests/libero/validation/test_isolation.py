"""A file that hangs or kills its reader is a finding, and the others are checked all the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from forkctl.libero.validation import FileReport, isolation
from forkctl.libero.validation.isolation import check_files

pytestmark = pytest.mark.slow


def codes(report: FileReport) -> list[str]:
    return [each.code for each in report.findings]


def stop_a_reader(others: set[str], count: int = 1) -> None:
    """As if it hung in a file: when it is a reader, and before it has imported what answers."""
    readers: list[str] = []
    while len(readers) < count:
        readers = [pid for pid in set(children_of(os.getpid())) - others if is_reader(pid)]
    os.kill(int(min(readers)), signal.SIGSTOP)


def is_reader(pid: str) -> bool:
    """Until then it is a copy of this process, for whose start the parent waits."""
    try:
        return b"reading_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def stopping_one(count: int = 1) -> threading.Thread:
    others = set(children_of(os.getpid()))  # of tests before this one
    stopper = threading.Thread(target=stop_a_reader, args=(others, count))
    stopper.start()
    return stopper


def test_a_reader_that_hangs_is_ended(pristine_raw: Path, tmp_path: Path) -> None:
    other = shutil.copy(pristine_raw, tmp_path)
    stopper = stopping_one()
    first, second = check_files([str(pristine_raw), other], jobs=1, seconds=5)
    stopper.join()
    assert codes(first) == ["reader-hung"]
    assert "reader-hung" not in codes(second)


def test_a_reader_that_dies_is_replaced(pristine_raw: Path) -> None:
    reader = isolation._Reader()

    def kill() -> None:
        while reader._process is None:
            time.sleep(0.01)
        reader._process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    died = reader.check(str(pristine_raw), True, 60)
    killer.join()
    after = reader.check(str(pristine_raw), True, 60)
    reader.stop()
    assert codes(died) == ["reader-crashed"]
    assert "SIGKILL" in died.findings[0].detail
    assert codes(after) == []


def test_an_abandoned_check_leaves_no_process(pristine_raw: Path, tmp_path: Path) -> None:
    other = shutil.copy(pristine_raw, tmp_path)
    others = set(children_of(os.getpid()))
    stopper = stopping_one(2)
    reports = check_files([str(pristine_raw), other], jobs=2, seconds=600)
    next(reports)
    stopper.join()
    readers = set(children_of(os.getpid())) - others
    assert len(readers) == 2
    closing = threading.Thread(target=reports.close, daemon=True)
    closing.start()
    closing.join(timeout=30)
    assert not closing.is_alive()  # it did not wait for the other reader
    assert not readers & set(children_of(os.getpid()))


def test_a_pipe_is_a_finding_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe_demo.hdf5")
    (report,) = check_files([str(tmp_path / "pipe_demo.hdf5")], seconds=600)
    assert "which is not a file" in report.findings[0].detail


CHECKS = """
import sys
from forkctl.libero.validation.isolation import check_files
list(check_files(sys.argv[1:], seconds=600))
"""


def test_a_reader_that_hangs_does_not_outlive_a_killed_parent(pristine_raw: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", CHECKS, str(pristine_raw)])
    while not (readers := [pid for pid in children_of(parent.pid) if is_reader(pid)]):
        time.sleep(0.01)
    (reader,) = readers
    os.kill(int(reader), signal.SIGSTOP)  # deaf, as in a C call
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 60
    while lives(reader) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(reader)


def lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task")
    return [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
