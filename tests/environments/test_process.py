from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from forkctl.environments.process_group import Outcome, end_group, run_in_group

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""


def run(script: str, tmp_path: Path) -> tuple[Outcome, list[str], bytes]:
    lines: list[str] = []
    outcome = run_in_group(
        [sys.executable, "-c", script],
        environment={},
        cwd=tmp_path,
        log=tmp_path / "log.txt",
        started=lambda pid: None,
        on_line=lines.append,
        on_tick=lambda: False,
    )
    return outcome, lines, (tmp_path / "log.txt").read_bytes()


def test_lines_and_log_hold_all_that_was_printed(tmp_path: Path) -> None:
    script = (
        "import sys; print('one', flush=True); sys.stderr.write('10%\\r20%\\rdone'); sys.exit(3)"
    )
    outcome, lines, log = run(script, tmp_path)
    assert outcome == Outcome(3, interrupted=False)
    assert lines == ["one", "10%", "20%", "done"]
    assert b"10%\r20%\rdone" in log


def test_much_output_at_the_very_end_is_not_lost(tmp_path: Path) -> None:
    _, lines, _ = run("print('x' * 200_000 + 'end')", tmp_path)
    assert lines == ["x" * 200_000 + "end"]


def test_a_worker_left_behind_is_ended_though_it_holds_the_pipe(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys;"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(worker.pid)"
    )
    outcome, lines, _ = run(script, tmp_path)
    assert outcome.returncode == 0
    assert _gone(int(lines[0]))


def test_a_process_that_asks_on_the_terminal_fails(tmp_path: Path) -> None:
    outcome, lines, _ = run("input('overwrite? (y/n)')", tmp_path)
    assert outcome.returncode == 1
    assert any("EOFError" in line for line in lines)


def test_a_group_that_ignores_term_is_killed() -> None:
    parent = (
        "import subprocess, sys, time;"
        f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); time.sleep(600)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    worker = int(child.stdout.readline())  # it ignores SIGTERM from here on
    end_group(child, grace=0.2)
    child.stdout.close()
    assert _gone(worker)


def _gone(pid: int) -> bool:
    """A killed orphan takes a moment to vanish."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)  # a failing test leaves nothing behind
    return False
