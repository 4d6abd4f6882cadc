"""Folders for a while, and what kills leave of them and of files half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forkctl.atomic import replacing, write_atomically
from forkctl.errors import ForkctlError
from forkctl.scratch import scratch_folder

STARTS = "print('there', flush=True); import time; time.sleep(600)"
IN_SCRATCH = f"""
from forkctl.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "large").write_bytes(b"x" * 1000)
    {STARTS}
"""
WHILE_WRITING = f"""
from pathlib import Path
from forkctl.atomic import replacing
with replacing(Path("out.hdf5")) as partial:
    partial.write_bytes(b"x" * 1000)
    {STARTS}
"""


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def start(script: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"there\n"
    return child


def kill(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def large_files(root: Path) -> int:
    return sum(path.stat().st_size == 1000 for path in root.rglob("*") if path.is_file())


def test_a_folder_of_a_killed_process_is_removed_and_none_of_a_living(tmp_path: Path) -> None:
    killed, living = start(IN_SCRATCH), start(IN_SCRATCH)
    kill(killed)
    assert large_files(tmp_path) == 2
    with scratch_folder() as folder:
        assert list(folder.iterdir()) == []
        assert large_files(tmp_path) == 1
    kill(living)
    with scratch_folder():
        assert large_files(tmp_path) == 0


def test_a_folder_goes_with_the_task(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        (folder / "file").write_text("x")
        with scratch_folder() as other:
            assert other != folder
        assert (folder / "file").exists()
    assert not list(tmp_path.rglob("file"))


def test_a_folder_of_another_user_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"forkctl-{os.getuid()}").symlink_to("elsewhere")
    with pytest.raises(ForkctlError, match="not a folder of yours"), scratch_folder():
        pass
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed, living = start(WHILE_WRITING), start(WHILE_WRITING)
    kill(killed)
    assert large_files(tmp_path) == 2
    with replacing(tmp_path / "other.hdf5") as partial:  # another file's writer leaves them alone
        partial.write_bytes(b"y")
    assert large_files(tmp_path) == 2
    with replacing(tmp_path / "out.hdf5") as partial:
        partial.write_bytes(b"y")
    assert large_files(tmp_path) == 1
    kill(living)
    write_atomically(tmp_path / "out.hdf5", "z")
    assert (tmp_path / "out.hdf5").read_text() == "z"
