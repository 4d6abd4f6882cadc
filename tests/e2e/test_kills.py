"""A command may be killed at any moment; the next one finishes the work.

The full numbers: FORKCTL_KILL_TRIALS=200 and FORKCTL_KILL_EVERY=1 in the environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.driver import write_files
from tests.e2e.kill_loop import LIMIT, Yard, run_trials

pytestmark = pytest.mark.slow

TRIALS = int(os.environ.get("FORKCTL_KILL_TRIALS", "8"))
EVERY = int(os.environ.get("FORKCTL_KILL_EVERY", "19"))


def test_kills_at_random_moments() -> None:
    report = run_trials(TRIALS, seed=int(os.environ.get("FORKCTL_KILL_SEED", "7")))
    assert report.faults == []
    assert sum(report.interrupted.values()) > TRIALS // 4, "most commands ended before the kill"


@pytest.mark.parametrize("verb", ["sync", "apply"])
def test_a_kill_before_every_single_change_of_the_disk(verb: str, tmp_path: Path) -> None:
    yard = Yard(tmp_path, files=24)
    script = str(Path(__file__).with_name("kill_at_every_step.py"))
    old, new = (0, 1) if verb == "sync" else (0, 6)
    killed, step = 0, 1
    commits = {state: yard.reach(state) for state in (new, old)}
    tree = yard.tree()
    write_files(tree, {"pkg/mine.ckpt": "weeks of work"})
    while True:
        yard.want(new)
        done = subprocess.run(
            [sys.executable, script, str(step), verb],
            cwd=yard.root,
            env=yard.variables,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        for path in ("pkg/part0/file0.py", "pkg/part1/file8.py"):
            text = (tree / path).read_text()
            assert text.startswith("VALUE = ") and text.endswith("LAST = 1\n"), "old or new"
        assert yard.reach(new) == commits[new], f"after a kill before step {step}"
        assert yard.tree_git("status", "--porcelain") == "", f"after step {step}"
        assert (tree / "pkg/mine.ckpt").read_text() == "weeks of work"
        assert yard.reach(old) == commits[old]
        step += EVERY
    assert killed * EVERY > 30, f"only {killed} steps were seen"
