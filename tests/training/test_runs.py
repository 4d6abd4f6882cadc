from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forkctl import __version__
from forkctl.training.records import load, new_folder
from tests.checkpoints.torch_files import Call, write_torch
from tests.driver import Workspace, git
from tests.standin import record, write_config

pytestmark = pytest.mark.slow

HERE = ("--profile", "cpu", "--env", sys.executable)


@pytest.fixture
def two_runs(thing: Workspace, config: Path) -> Workspace:
    """One of one epoch, one of three that failed; no two tests need more."""
    thing.ok("run", "thing", str(config), *HERE, "--name", "short", "--set", "train.num_epochs=1")
    thing.run("run", "thing", str(config), *HERE, "--name", "broken", "--", "--act", "raise")
    return thing


def test_runs_are_listed_shown_compared_and_plotted(two_runs: Workspace) -> None:
    listed = two_runs.ok("runs", "list")
    assert listed.index("short") < listed.index("broken")
    assert "ValueError: the learning rate is negative" in listed
    as_json = json.loads(two_runs.ok("runs", "list", "--json"))
    assert [each["status"] for each in as_json] == ["finished", "failed"]

    shown = two_runs.ok("runs", "show", "short")
    assert "3 of 3" in shown
    assert git(two_runs.tree(), "rev-parse", "HEAD^{tree}") in shown
    assert json.loads(two_runs.ok("runs", "show", "last", "--json"))["status"] == "failed"

    rows = json.loads(two_runs.ok("runs", "compare", "short", "broken", "--json"))
    assert set(rows["train.num_epochs"].values()) == {"1", "2"}
    assert "tree" not in rows, "what is the same is left out"
    assert "experiment.name" not in rows

    assert "finished run successfully!" in two_runs.ok("runs", "logs", "short")
    assert two_runs.ok("runs", "logs", "short", "-n", "1").splitlines() == [
        "finished run successfully!"
    ]
    assert "loss over steps" in two_runs.ok("runs", "plot", "short")
    two_runs.ok("runs", "plot", "short", "-o", "loss.png")
    assert (two_runs.root / "loss.png").exists()
    assert two_runs.run("runs", "plot", "broken") == 2
    assert "no values of loss" in two_runs.err


def test_runs_from_checkpoints_that_are_folders_are_compared(two_runs: Workspace) -> None:
    """OpenVLA's is one; older records have a fingerprint of such a folder, and no hash."""
    first, second = (load(folder) for folder in (two_runs.root / "runs/thing").iterdir())
    first.update(checkpoint={"path": "base", "fingerprint": "a" * 64})
    second.update(checkpoint={"path": "base.pt", "sha256": "b" * 64})
    rows = json.loads(two_runs.ok("runs", "compare", "short", "broken", "--json"))
    assert set(rows["checkpoint"].values()) == {"a" * 12, "b" * 12}


def test_a_name_that_fits_none_or_several_is_refused(two_runs: Workspace) -> None:
    assert two_runs.run("runs", "show", "nothing") == 2
    assert two_runs.run("runs", "show", "thing/") == 2
    assert "may be any of 2 runs" in two_runs.err


def test_logs_follow_a_run_to_its_end(thing: Workspace, config: Path) -> None:
    thing.ok("run", "thing", str(config), *HERE)
    folder = next((thing.root / "runs").glob("*/*"))
    run = load(folder)
    run.update(status="running", pid=os.getpid())
    following = thing.start("runs", "logs", "last", "-f", "-n", "1")
    assert following.stdout is not None
    assert following.stdout.readline() == "finished run successfully!\n"
    with (folder / "log.txt").open("a") as log:
        log.write("one more line\n")
    run.update(status="finished")
    assert following.stdout.read() == "one more line\n"
    assert following.wait(60) == 0


def test_a_run_whose_process_is_gone_is_lost(thing: Workspace, config: Path) -> None:
    thing.ok("run", "thing", str(config), *HERE)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = next((thing.root / "runs").glob("*/*"))
    load(folder).update(status="running", pid=ended.pid)
    assert json.loads(thing.ok("runs", "list", "--json"))[0]["status"] == "lost"


def test_a_failed_run_goes_on_in_its_own_folder(thing: Workspace, config: Path) -> None:
    words = ("--set", "train.num_epochs=3", "--", "--act", "sink")
    thing.ok("run", "thing", str(config), *HERE, *words)
    folder = next((thing.root / "runs").glob("*/*"))
    load(folder).update(status="failed")
    thing.ok("runs", "resume", "last")
    kept = record(thing)
    assert kept["status"] == "finished"
    assert kept["resumed"] == 1
    shown = [line.split()[1] for line in thing.out.splitlines() if line.startswith("step ")]
    assert shown[-1] == "9/9", "the checkpoint's steps are not added to those of the whole run"
    assert all(int(step.partition("/")[0]) <= 9 for step in shown)
    assert kept["command"][-3:] == ["--resume", "--act", "sink"]
    assert thing.run("runs", "resume", "last") == 2
    assert "the run is finished" in thing.err


def test_resume_refuses_a_checkpoint_that_would_run_code(thing: Workspace, config: Path) -> None:
    thing.ok("run", "thing", str(config), *HERE)
    folder = next((thing.root / "runs").glob("*/*"))
    load(folder).update(status="failed")
    saved = next(folder.glob("upstream/*/*/models/*.pth"))
    write_torch(saved, {"model": Call("os.system", f"touch {folder / 'ran'}")})
    assert thing.run("runs", "resume", "last") == 1
    assert "asks to run os.system" in thing.err
    assert record(thing)["status"] == "failed"


def test_resume_refuses_another_tree(thing: Workspace, config: Path) -> None:
    thing.ok("run", "thing", str(config), *HERE)
    load(next((thing.root / "runs").glob("*/*"))).update(status="interrupted")
    (thing.tree() / "robomimic" / "__init__.py").write_text("changed = 1\n")
    assert thing.run("runs", "resume", "last") == 1
    assert "with changes" in thing.err
    assert record(thing)["status"] == "interrupted"


def test_resume_refuses_data_that_is_gone_or_other(
    thing: Workspace, suite: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(suite, tmp_path / "data" / suite.name))
    thing.ok("run", "thing", str(write_config(thing, data=[{"path": str(data)}])), *HERE)
    load(next((thing.root / "runs").glob("*/*"))).update(status="interrupted")
    away = data.rename(data.with_name("away"))
    assert thing.run("runs", "resume", "last") == 1
    assert "its data is gone" in thing.err
    away.rename(data)
    one, two = sorted(data.iterdir())
    one.write_bytes(two.read_bytes())
    assert thing.run("runs", "resume", "last") == 1
    assert "is not what the run was started on" in thing.err
    assert record(thing)["status"] == "interrupted"


def test_resume_refuses_another_file_that_the_config_names(
    thing: Workspace, suite: Path, tmp_path: Path
) -> None:
    """Not the checkpoint that a run began with, which may go: an encoder beside it."""
    vae = tmp_path / "vae.pth"
    vae.write_bytes(b"one")
    thing.ok(
        "run", "thing", str(write_config(thing, data=[{"path": str(suite)}], vae=str(vae))), *HERE
    )
    kept = record(thing)
    assert set(kept["notes"]["weights"]) == {"train.vae"}
    assert kept["notes"]["forkctl"]["version"].startswith(__version__)
    load(next((thing.root / "runs").glob("*/*"))).update(status="interrupted")
    vae.write_bytes(b"two")
    assert thing.run("runs", "resume", "last") == 1
    assert "train.vae names is gone, or another one" in thing.err


def test_a_kind_without_resume_says_so(make_thing: object, suite: Path) -> None:
    assert callable(make_thing)
    thing: Workspace = make_thing("droid")
    config = write_config(thing, data=[{"path": str(suite)}])
    thing.ok("run", "thing", str(config), *HERE)
    load(next((thing.root / "runs").glob("*/*"))).update(status="failed")
    assert thing.run("runs", "resume", "last") == 2
    assert "--ckpt" in thing.err


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path) -> None:
    folders = {new_folder(tmp_path, "thing", "trial") for _ in range(5)}
    assert len(folders) == 5
