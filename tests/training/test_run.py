from __future__ import annotations

import contextlib
import json
import math
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.checks import CheckStatus
from forkctl.errors import ForkctlError
from forkctl.families.openvla.launcher import OpenVLALauncher
from forkctl.families.robomimic.launcher import RobomimicLauncher
from forkctl.training.preflight import check_gpus
from tests import ROOT
from tests.driver import Workspace, git
from tests.standin import metrics, only_run, record, write_config

pytestmark = pytest.mark.slow

HERE = ("--profile", "cpu", "--env", sys.executable)


def run(workspace: Workspace, config: Path, *words: str) -> int:
    return workspace.run("run", "thing", str(config), *HERE, *words)


def test_a_run_leaves_a_whole_record(thing: Workspace, config: Path, suite: Path) -> None:
    assert run(thing, config) == 0, thing.out + thing.err
    kept = record(thing)
    assert kept["status"] == "finished"
    assert kept["returncode"] == 0
    assert kept["steps"] == 6
    assert kept["fork_state"]["tree"] == git(thing.tree(), "rev-parse", "HEAD^{tree}")
    assert kept["fork_state"]["dirty"] is False
    assert kept["checks"]["data"] == "2 files valid"
    assert kept["data"]["files"] == sorted(str(path) for path in suite.glob("*.hdf5"))
    assert kept["environment"]["origins"]["robomimic"].startswith(str(thing.tree()))
    folder = only_run(thing)
    assert (folder / "checkpoints" / "model_epoch_2.pth").is_file()
    log = (folder / "log.txt").read_text()
    assert f"code from {thing.tree()}" in log
    assert "finished run successfully!" in log
    assert thing.err.count("Traceback") == 0


def test_upstream_gets_one_file_of_all_demos_with_steps_paired(
    thing: Workspace, config: Path
) -> None:
    import h5py

    assert run(thing, config) == 0, thing.err
    given = json.loads((only_run(thing) / "config.json").read_text())["train"]["data"]
    assert len(given) == 1
    with h5py.File(given[0]["path"], "r") as file:
        assert len(file["data"]) == 4
        assert "env_args" in file["data"].attrs
        demo = file["data/demo_0"]
        # raw LIBERO: states are before the action, observations after; the file puts that right
        assert demo["states"][2][1:8] == pytest.approx(demo["obs/joint_states"][2])


def test_the_log_gives_metrics_where_no_overlay_writes_them(thing: Workspace, config: Path) -> None:
    assert run(thing, config) == 0
    assert [(each["epoch"], each["step"], each["loss"]) for each in metrics(thing)] == [
        (1, 3, 1.0),
        (2, 6, 0.5),
    ]


def test_an_overlay_that_writes_metrics_is_not_doubled_by_the_log(
    thing: Workspace, config: Path
) -> None:
    assert run(thing, config, "--", "--act", "sink") == 0
    assert [each["step"] for each in metrics(thing)] == [1, 2, 3, 4, 5, 6]


def test_a_secret_among_the_words_reaches_the_entrypoint_and_no_record(
    thing: Workspace, config: Path
) -> None:
    words = ("--set", "train.hub_token=hidden", "--", "--act", "sink")
    assert run(thing, config, *words) == 0, thing.err
    folder = only_run(thing)
    assert json.loads((folder / "config.json").read_text())["train"]["hub_token"] == "hidden"
    assert record(thing)["settings"] == ["train.hub_token=***"]
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name != "config.json"]
    assert not [path for path in kept if b"hidden" in path.read_bytes()]


def test_steps_limits_the_run(thing: Workspace, config: Path) -> None:
    assert run(thing, config, "--steps", "2") == 0
    assert record(thing)["steps"] == 2
    assert [each["step"] for each in metrics(thing)] == [2]


def test_set_changes_the_config_that_upstream_gets(thing: Workspace, config: Path) -> None:
    assert run(thing, config, "--set", "train.num_epochs=1", "--set", "train.note=plain") == 0
    given = json.loads((only_run(thing) / "config.json").read_text())
    assert given["train"]["num_epochs"] == 1
    assert given["train"]["note"] == "plain"


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("raise", "ValueError: the learning rate is negative"),
        ("say", "no such dataset"),  # upstream prints it and exits with 0
    ],
)
def test_a_failure_has_its_reason_and_the_end_of_the_log(
    thing: Workspace, config: Path, act: str, reason: str
) -> None:
    assert run(thing, config, "--", "--act", act) == 1
    assert reason in thing.err
    assert "[ObsUtils] hello" in thing.err
    assert record(thing)["status"] == "failed"
    assert record(thing)["reason"] == reason


def test_a_run_without_a_number_for_a_loss_is_ended_and_not_finished(
    thing: Workspace, config: Path
) -> None:
    words = ("--set", "train.num_epochs=100", "--", "--act", "diverge")
    assert run(thing, config, *words) == 1
    assert "the run diverged: the loss is not a number from step 1 on" in thing.err
    assert record(thing)["status"] == "diverged"
    assert 10 <= len(metrics(thing)) < 250, "it is not left to burn a GPU until its end"
    assert thing.run("runs", "resume", "last") == 2
    assert "diverged" in thing.err


def test_a_short_run_that_ends_without_a_number_has_diverged(
    thing: Workspace, config: Path
) -> None:
    assert run(thing, config, "--steps", "3", "--", "--act", "diverge") == 1
    assert record(thing)["status"] == "diverged"
    assert len(metrics(thing)) == 3


def test_one_bad_batch_is_no_end() -> None:
    from forkctl.training.running import _Losses

    losses = _Losses()
    for step, loss in enumerate([1.0, *[math.inf] * 9, 0.5, None, math.nan]):
        losses.see({"step": step, "loss": loss})
        assert not losses.diverged
    assert losses.bad == 1


def test_a_missing_variable_is_named(thing: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(thing, data=[{"path": "${LIBERO_DATA}/libero_spatial"}])
    monkeypatch.delenv("LIBERO_DATA", raising=False)
    assert run(thing, config) == 2
    assert "LIBERO_DATA" in thing.err
    assert "--data" in thing.err
    assert not (thing.root / "runs").exists()


@pytest.mark.parametrize("level", ["suite", "above"])
def test_data_may_be_the_suite_or_the_folder_above(
    thing: Workspace, suite: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(thing, data=[{"path": "${LIBERO_DATA}/libero_spatial"}])
    monkeypatch.delenv("LIBERO_DATA", raising=False)
    place = suite if level == "suite" else suite.parent
    assert run(thing, config, "--data", str(place)) == 0, thing.err
    assert len(record(thing)["data"]["files"]) == 2


def test_bad_data_stops_the_run(thing: Workspace, suite: Path, tmp_path: Path) -> None:
    import h5py

    broken = tmp_path / "libero_spatial" / next(suite.glob("*.hdf5")).name
    broken.parent.mkdir()
    broken.write_bytes(next(suite.glob("*.hdf5")).read_bytes())
    with h5py.File(broken, "a") as file:
        file["data/demo_0/actions"][3] = float("nan")
    config = write_config(thing, data=[{"path": str(broken.parent)}])
    assert run(thing, config) == 1
    assert "failed   data:" in thing.out
    assert not (thing.root / "runs").exists()


def test_changes_in_the_tree_are_refused_or_recorded(thing: Workspace, config: Path) -> None:
    script = thing.tree() / "robomimic" / "__init__.py"
    script.write_text("mine = 1\n")
    assert run(thing, config) == 1
    assert "robomimic/__init__.py" in thing.out
    assert run(thing, config, "--allow-dirty") == 0
    assert record(thing)["fork_state"]["dirty"] is True
    assert "+mine = 1" in (only_run(thing) / "changes.diff").read_text()


def test_an_unknown_key_is_refused_before_the_run(thing: Workspace, config: Path) -> None:
    assert run(thing, config, "--set", "nonsense.key=1") == 1
    assert "upstream has no key nonsense" in thing.out
    assert not (thing.root / "runs").exists()


def test_a_package_from_elsewhere_is_refused(
    thing: Workspace, config: Path, tmp_path: Path
) -> None:
    # a fork whose tree lacks the package, in an environment where another one is installed
    git(thing.tree(), "rm", "-rq", "robomimic")
    elsewhere = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", elsewhere], check=True)
    site = next((elsewhere / "lib").glob("python*/site-packages"))
    (site / "robomimic").mkdir()
    (site / "robomimic" / "__init__.py").write_text("")
    words = ("--profile", "cpu", "--env", str(elsewhere), "--allow-dirty")
    assert thing.run("run", "thing", str(config), *words) == 1
    assert f"comes from {site / 'robomimic'}" in thing.out


def test_the_cuda_profile_without_enough_gpus_is_refused(
    thing: Workspace, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (thing.tree() / "torch").mkdir()
    module = "import os\nclass cuda:\n    device_count = lambda: int(os.environ['SEEN'])\n"
    (thing.tree() / "torch" / "__init__.py").write_text(module)
    thing.write({"envs/cuda.txt": "# our own Python runs the tests\n"})
    words = ("run", "thing", str(config), "--env", sys.executable, "--allow-dirty", "--dry-run")
    monkeypatch.setenv("SEEN", "0")
    assert thing.run(*words, "--profile", "cuda") == 1
    assert "torch sees no GPU" in thing.out
    assert thing.run(*words, "--profile", "cpu") == 0, thing.out
    monkeypatch.setenv("SEEN", "2")
    assert thing.run(*words, "--profile", "cuda") == 0, thing.out
    assert "torch sees 2, for 1 process" in thing.out


def test_fewer_gpus_than_processes_are_refused() -> None:
    (found,) = check_gpus(2, 8, "openvla")
    assert found.status is CheckStatus.FAILED
    assert found.text == "torch sees 2, for 8 processes"
    assert check_gpus(None, 8, "openvla") == []
    assert OpenVLALauncher().processes_of({"processes": 8}) == 8


def test_dry_run_checks_and_writes_nothing(thing: Workspace, config: Path) -> None:
    assert run(thing, config, "--dry-run", "--", "--act", "raise") == 0
    assert "train.py --config" in thing.out
    assert "--act raise" in thing.out
    assert not (thing.root / "runs").exists()
    assert run(thing, config, "--dry-run", "--json") == 0
    shown = json.loads(thing.out)
    assert {each["verdict"] for each in shown["findings"]} <= {"ok", "warning"}


def test_an_interrupt_ends_the_whole_group(thing: Workspace, config: Path) -> None:
    words = ["run", "thing", str(config), *HERE, "--", "--act", "hang"]
    running = thing.start(*words, output=subprocess.DEVNULL)
    try:
        worker = _appears(thing.root, "runs/*/*/worker.pid", running)
    finally:
        running.send_signal(signal.SIGINT)
        ended = running.wait(60)
    assert ended == 130
    assert record(thing)["status"] == "interrupted"
    assert not _lives(int(worker.read_text())), "a worker outlived the run"


def _appears(root: Path, pattern: str, running: subprocess.Popen[bytes]) -> Path:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        found = [path for path in root.glob(pattern) if path.read_text()]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"{pattern} did not appear")


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_nothing_is_installed_for_a_fork_that_is_not_applied(
    make_thing: Callable[[str], Workspace], suite: Path
) -> None:
    thing = make_thing("robomimic")
    thing.write({"overlays/ours/extra.txt": "ours\n"})
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace("overlays = []", "overlays = ['ours']"))
    config = write_config(thing, data=[{"path": str(suite)}])
    assert thing.run("run", "thing", str(config), "--profile", "cpu") == 1
    assert "thing was applied before its patches or overlays changed" in thing.out
    assert [each["prefix"] for each in json.loads(thing.ok("env", "show", "--json"))] == [None]


def test_on_a_terminal_there_is_a_bar(thing: Workspace, config: Path) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "forkctl", "run", "thing", str(config), *HERE],
        cwd=thing.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a pty says that nobody writes any more
        while data := os.read(ours, 4096):
            shown += data
    os.close(ours)
    assert running.wait(60) == 0
    assert b"\x1b[" in shown
    assert b"6/6" in shown
    assert b"loss 0.5000" in shown


def test_a_run_whose_folder_cannot_be_prepared_is_recorded_as_failed(
    thing: Workspace, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when RDT's text encoder cannot be loaded: nothing is left that looks as if it ran."""

    def fail(*_: object) -> None:
        raise ForkctlError("T5 cannot embed the tasks' language")

    monkeypatch.setattr(RobomimicLauncher, "prepare", fail)
    assert run(thing, config) == 1
    assert "T5 cannot embed" in thing.err
    kept = record(thing)
    assert kept["status"] == "failed"
    assert kept["reason"] == "T5 cannot embed the tasks' language"
    assert thing.run("runs", "resume", "last") == 2, "half of its folder is missing"
    assert "the run never began" in thing.err
