"""Real processes: a policy's answers, and every way in which it can fail to give them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.connection import Launch
from forkctl.evaluation.policies.policy import Query
from forkctl.evaluation.policies.remote_policy import RemotePolicy
from forkctl.libero.units.conventions import LIBERO
from tests import ROOT
from tests.driver import Workspace

pytestmark = pytest.mark.slow

ENV = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}

ECHO = """
    import os, sys
    import numpy as np

    def load(checkpoint, device, options):
        print("loading", checkpoint)
        os.system("echo a child prints too")
        return Echo(options)

    class Echo:
        conventions = {"observations": ["ee_pos"], "chunk": 2, "batch": 4}

        def __init__(self, options):
            self.options = options

        def predict(self, observations, instructions, seed):
            print("predicting")
            chunks = [np.full((2, 7), o["ee_pos"][0, 0] + seed) for o in observations]
            return [{"actions": c, "tokens": np.arange(7), "invalid": 1} for c in chunks]
"""


def query(value: float) -> Query:
    return Query("task/demo_0", 0, {"ee_pos": np.full((1, 3), value)}, "pick it up")


@pytest.fixture
def policy(tmp_path):
    """`policy(source)` -> a remote policy in this Python."""
    checkpoint = tmp_path / "model.pth"
    checkpoint.write_bytes(b"weights")

    def make(source: str, python: str = sys.executable) -> RemotePolicy:
        file = tmp_path / "policy.py"
        file.write_text(textwrap.dedent(source))
        launch = Launch(python, ENV)
        return RemotePolicy(str(file), checkpoint, launch, tmp_path / "log", {LIBERO.name: LIBERO})

    return make


def test_answers_come_back_whatever_the_policy_prints(policy):
    with policy(ECHO).open() as opened:
        assert opened.conventions.chunk == 2
        assert opened.conventions.observations == ("ee_pos",)
        first, second = opened.predict([query(0.5), query(2.0)], seed=10)
    assert (first.actions == np.full((2, 7), 10.5)).all()
    assert (second.actions == np.full((2, 7), 12.0)).all()
    assert first.tokens.tolist() == list(range(7))
    assert first.invalid == 1


def failure(source: RemotePolicy) -> ForkctlError:
    with pytest.raises(ForkctlError) as caught, source.open() as opened:
        opened.predict([query(0.0)], seed=0)
    return caught.value


def test_a_failing_load_is_told_with_its_log(policy):
    error = failure(policy("def load(*_):\n    raise OSError('no such backbone')\n"))
    assert "OSError: no such backbone" in error.message
    assert "Traceback" in error.message
    assert error.where.endswith("log")


def test_a_failing_prediction_is_told(policy):
    error = failure(policy(ECHO.replace('print("predicting")', "1 / 0")))
    assert "ZeroDivisionError" in error.message


def test_a_process_that_dies_is_told(policy):
    error = failure(policy(ECHO.replace('print("predicting")', "os._exit(7)")))
    assert "ended with exit code 7" in error.message


def test_a_missing_package_is_told(policy):
    error = failure(policy("import a_package_that_is_not_there\n"))
    assert "a_package_that_is_not_there" in error.message


def test_unknown_conventions_are_refused(policy):
    error = failure(policy(ECHO.replace('"chunk": 2', '"chunks": 2')))
    assert "unknown conventions: chunks" in error.message


def test_an_unknown_convention_of_actions_is_refused(policy):
    error = failure(policy(ECHO.replace('"chunk": 2', '"actions": "martian"')))
    assert "'martian', which is not known" in error.message


def test_a_python_that_is_not_there_is_told(policy, tmp_path):
    error = failure(policy(ECHO, str(tmp_path / "python")))
    assert "cannot start" in error.message


def running(group: int) -> list[str]:
    """Processes of a group that still run; one that waits to be reaped does not."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True)
    lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [line[2] for line in lines if int(line[0]) == group and not line[1].startswith("Z")]


@pytest.mark.parametrize("busy", [False, True])
def test_the_process_ends_with_the_evaluation(policy, tmp_path, busy):
    """Also when the evaluation is interrupted while the policy, or its child, computes."""
    mark = tmp_path / "pid"
    source = ECHO.replace(
        'print("loading", checkpoint)', f"open({str(mark)!r}, 'w').write(str(os.getpid()))"
    )
    if busy:
        source = source.replace('print("predicting")', "os.system('sleep 60')")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt), policy(source).open() as opened:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            opened.predict([query(0.0)], seed=0)
            signal.pause()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert running(int(mark.read_text())) == []


def test_a_process_that_hangs_is_ended(policy):
    source = policy(ECHO.replace('print("predicting")', "os.system('sleep 60')"))
    with replace(source, patience=3).open() as opened:
        group = opened.connection.process.pid
        with pytest.raises(ForkctlError, match="the policy gave no answer for 3 s, and was ended"):
            opened.predict([query(0.0)], seed=0)
        assert running(group) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_policy_is_left_behind(tmp_path, how):
    """Busy or not, and with whatever it started: it may hold a GPU."""
    mark, file = tmp_path / "pid", tmp_path / "policy.py"
    busy = f"open({str(mark)!r}, 'w').write(str(os.getpid())); os.system('sleep 60')"
    file.write_text(textwrap.dedent(ECHO).replace('print("predicting")', busy))
    process = Workspace(tmp_path).start(
        *("eval", "rollout", "--policy", str(file), "--world", "tabletop"),
        *("--suite", "libero_spatial", "--tasks", "0", "--trials", "1", "--device", "cpu"),
        output=subprocess.DEVNULL,
    )
    while not (mark.exists() and mark.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    group = int(mark.read_text())
    assert running(group)
    process.send_signal(how)
    assert process.wait(30) == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    waited = time.monotonic()
    while running(group):
        assert time.monotonic() - waited < 20, "it is left behind"
        time.sleep(0.1)
