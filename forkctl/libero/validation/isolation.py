"""Files are read in processes of their own, several at a time, each with a time limit."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Iterator, Optional, Sequence

from forkctl.libero.suites import task_name_from_file
from forkctl.libero.validation.findings import FileFacts, FileReport, Finding
from forkctl.lifetime import end_with

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
_SECONDS = 60.0
_BYTES_PER_SECOND = 5e6  # a slow network disk


def check_files(
    paths: Sequence[str],
    *,
    images: bool = True,
    jobs: int = 1,
    seconds: Optional[float] = None,
) -> Iterator[FileReport]:
    """Reports as they come, not in order. `seconds` None allows for the size of each file."""
    if not paths:
        return
    idle: queue.SimpleQueue[_Reader] = queue.SimpleQueue()
    readers = [_Reader() for _ in range(min(jobs, len(paths)))]
    for reader in readers:
        idle.put(reader)

    def check(path: str) -> FileReport:
        reader = idle.get()
        try:
            return reader.check(path, images, _allowance(path) if seconds is None else seconds)
        finally:
            idle.put(reader)

    try:
        with ThreadPoolExecutor(len(readers)) as pool:
            futures = [pool.submit(check, path) for path in paths]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:  # Ctrl-C, or the caller went away: wait for nothing
                for future in futures:
                    future.cancel()
                for reader in readers:
                    reader.kill()
                raise
    finally:
        for reader in readers:
            reader.stop()


def _allowance(path: str) -> float:
    try:
        return _SECONDS + Path(path).stat().st_size / _BYTES_PER_SECOND
    except OSError:
        return _SECONDS


class _Reader:
    """One reading process, started when it is needed, and again when it has died."""

    def __init__(self) -> None:
        self._process: Optional[subprocess.Popen[bytes]] = None

    def check(self, path: str, images: bool, seconds: float) -> FileReport:
        process = self._running()
        assert process.stdin is not None
        try:
            request = json.dumps({"path": str(Path(path).absolute()), "images": images})
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
            reply = _read_line(process, seconds)
        except BrokenPipeError:
            reply = b""
        if reply:
            return FileReport.from_json({**json.loads(reply), "path": path})
        hung = reply is None
        code = self.stop()
        if hung:
            finding = Finding("reader-hung", f"not read after {seconds:.0f} s")
        else:
            finding = Finding("reader-crashed", f"the reading process died: {_death(code)}")
        return FileReport(path, FileFacts(task=task_name_from_file(path)), (finding,))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            places = [_PACKAGE_ROOT, os.environ.get("PYTHONPATH", "")]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "forkctl.libero.validation.reading_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
                start_new_session=True,  # Ctrl-C is for the parent, which then ends this one
                preexec_fn=partial(end_with, os.getpid()),
            )
        return self._process

    def kill(self) -> None:
        """End the process at once, also while another thread waits for its answer."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> int:
        """End the process and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None and _closed_in_time(process):
            return process.returncode
        process.kill()
        return process.wait()


def _closed_in_time(process: subprocess.Popen[bytes]) -> bool:
    """Close its input, and see whether the process ends by itself."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return False
    process.stdout.close()
    return True


def _read_line(process: subprocess.Popen[bytes], seconds: float) -> Optional[bytes]:
    """A line, b"" when the process has died, None when the time is up."""
    assert process.stdout is not None
    handle = process.stdout.fileno()
    end = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            return None
        part = os.read(handle, 1 << 20)
        if not part:
            return b""
        line += part
    return line


def _death(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"
    except ValueError:
        return f"signal {-code}"
