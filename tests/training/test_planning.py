"""What a run looks at, and how often; and that nothing is left of one that did not begin."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from tests import ROOT, standin
from tests.driver import Workspace, hear_interrupts
from tests.standin import only_run, record, write_config

pytestmark = pytest.mark.slow

HERE = ("--profile", "cpu", "--env", sys.executable)

# A family of the workspace that does as robomimic's, and writes down what is asked of it.
WATCHED = """
import os, pathlib, time

from forkctl.families.robomimic.config import DIALECTS
from forkctl.families.robomimic.launcher import RobomimicLauncher
from forkctl.family import Family

def note(what):
    with open(os.environ["NOTES"], "a") as out:
        out.write(what + "\\n")

class Watched(RobomimicLauncher):
    def rendered(self, config, inputs):
        note("rendered")
        return super().rendered(config, inputs)

    def checks(self, config, files, place):
        note("checks")
        if os.environ.get("THEN") == "crash":
            raise RuntimeError("a bug in the checks")
        if os.environ.get("THEN") == "wait":
            time.sleep(600)
        return []

class Mine(Family):
    def launcher(self, entrypoint):
        return Watched(DIALECTS["robomimic"])

FAMILY = Mine()
"""
# Writes what the model would be, and how many demos the data has that it was given.
DESCRIBE = """
import argparse, json, h5py
parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--out")
args = parser.parse_args()
(data,) = json.load(open(args.config))["train"]["data"]
demos = len(h5py.File(data["path"])["data"])
described = {"tensors": {"policy.demos": {"shape": [demos]}}, "rules": RULES, "strict": False}
json.dump(described, open(args.out, "w"))
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "notes"
    monkeypatch.setenv("NOTES", str(path))
    return path


@pytest.fixture
def watched(thing: Workspace, notes: Path) -> Workspace:
    thing.write({"families/watched.py": WATCHED})
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace('"robomimic"', '"families/watched.py"'))
    return thing


def wrapped(folder: Path, program: str, real: str, notes: Path) -> Path:
    """A program that writes its words down and then is the real one."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / program
    script.write_text(
        f'#!/bin/sh\nprintf "{program} %.2000s\\n" "$(echo "$*" | tr "\\n" " ")" >> {notes}\n'
        f'exec {real} "$@"\n'
    )
    script.chmod(0o755)
    return script


def test_a_run_looks_once_at_everything(
    watched: Workspace, suite: Path, tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(watched, data=[{"path": str(suite)}])
    reading, writing = os.pipe()  # what is read from a pipe is read once
    os.write(writing, config.read_bytes())
    os.close(writing)
    git = shutil.which("git")
    assert git is not None
    wrapped(tmp_path / "bin", "git", git, notes)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    python = wrapped(tmp_path / "env/bin", "python", sys.executable, notes)
    words = ("--profile", "cpu", "--env", str(python))
    assert watched.run("run", "thing", f"/dev/fd/{reading}", *words) == 0, watched.err
    os.close(reading)

    lines = notes.read_text().splitlines()
    assert lines.count("rendered") == 1
    assert sum(line.startswith("git") and " status " in line for line in lines) == 1
    pythons = [line for line in lines if line.startswith("python")]
    assert ["-c" in line.split() for line in pythons] == [True, True, False], pythons
    assert "Runs inside a fork's environment" in pythons[0], "the probe"
    assert "does upstream's own key-locked Config" in pythons[1], "the validator"
    assert "robomimic/scripts/train.py" in pythons[2]


def started(
    workspace: Workspace, config: Path, *words: str, **variables: str
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "forkctl", "run", "thing", str(config), *HERE, *words],
        cwd=workspace.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_interrupts,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_run_that_was_ended_in_its_checks(
    watched: Workspace, suite: Path, notes: Path, number: signal.Signals
) -> None:
    config = write_config(watched, data=[{"path": str(suite)}])
    running = started(watched, config, THEN="wait")
    try:
        deadline = time.monotonic() + 60
        while not (notes.exists() and "checks" in notes.read_text()):
            assert time.monotonic() < deadline and running.poll() is None
            time.sleep(0.05)
        (folder,) = watched.root.glob("runs/thing/*")
        assert (folder / "data.hdf5").exists(), "there is something to leave behind"
    finally:
        running.send_signal(number)
        assert running.wait(60) == 130
    assert not (watched.root / "runs").exists()


def test_nothing_is_left_of_a_run_whose_checks_crashed(
    watched: Workspace, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEN", "crash")
    config = write_config(watched, data=[{"path": str(suite)}])
    assert watched.run("run", "thing", str(config), *HERE) == 3
    assert "a bug in the checks" in watched.err
    assert not (watched.root / "runs").exists()


def test_a_dry_run_leaves_the_place_for_temporary_files(
    thing: Workspace, config: Path, tmp_path: Path
) -> None:
    place = tmp_path / "job" / "scratch"
    place.mkdir(parents=True)
    assert started(thing, config, "--dry-run", TMPDIR=str(place)).wait(60) == 0
    assert [path.name for path in place.rglob("*") if path.is_file()] == ["lock"]


def test_run_and_plan_find_the_same_suite_below_a_folder(
    make_thing: Callable[[str], Workspace],
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dataclasses import asdict

    from forkctl.checkpoints.transfer import Rules
    from tests.checkpoints.torch_files import robomimic_content, write_torch

    module = DESCRIBE.replace("RULES", repr({**asdict(Rules()), "require_visual": False}))
    monkeypatch.setitem(standin.UPSTREAM, "robomimic/forkctl_ext/describe.py", module)
    monkeypatch.setitem(standin.UPSTREAM, "robomimic/forkctl_ext/__init__.py", "")
    thing = make_thing("robomimic")
    parent = tmp_path / "all"
    shutil.copytree(suite, parent / "libero_spatial")
    shutil.copytree(suite, parent / "libero_goal")  # as many demos again, of another suite
    write_torch(tmp_path / "old.pth", robomimic_content({"policy.demos": (4,)}, {}))
    config = write_config(thing, data=[{"path": "${LIBERO_DATA}/libero_spatial"}])
    where = ("--data", str(parent), *HERE)
    thing.ok("run", "thing", str(config), *where)
    assert {Path(file).parent.name for file in record(thing)["data"]["files"]} == {"libero_spatial"}
    words = ("--fork", "thing", "--config", str(config), *where, "--json")
    thing.run("ckpt", "plan", str(tmp_path / "old.pth"), *words)
    planned = json.loads(thing.out)
    assert len(h5py.File(only_run(thing) / "data.hdf5")["data"]) == 4
    assert planned["not_taken_over"] == [], "the model was built from other data"
    assert planned["unused"] == []


def test_run_and_validate_judge_the_same_files(
    thing: Workspace, suite: Path, tmp_path: Path
) -> None:
    """Deeper ones too: `run` looked at the folder alone."""
    nested = tmp_path / "libero_spatial"
    first, second = sorted(suite.glob("*.hdf5"))
    for target, source in ((nested / "a", first), (nested / "b/c", second)):
        target.mkdir(parents=True)
        shutil.copy(source, target)
    thing.ok("data", "validate", str(nested), "--json")
    judged = [each["path"] for each in json.loads(thing.out)["files"]]
    config = write_config(thing, data=[{"path": str(nested)}])
    thing.ok("run", "thing", str(config), *HERE)
    assert record(thing)["data"]["files"] == judged
    assert len(judged) == 2


def test_a_plan_is_made_of_the_tree_that_a_run_would_use(
    thing: Workspace, config: Path, tmp_path: Path
) -> None:
    from tests.checkpoints.torch_files import robomimic_content, write_torch

    thing.write({"overlays/ours/extra.txt": "ours\n"})
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace("overlays = []", "overlays = ['ours']"))
    old = write_torch(tmp_path / "old.pth", robomimic_content({"policy.demos": (4,)}, {}))
    words = ("--fork", "thing", "--config", str(config), *HERE)
    assert thing.run("ckpt", "plan", str(old), *words) == 1
    assert "was applied before its patches or overlays changed" in thing.err


def test_a_family_that_cannot_ask_upstream_says_so(thing: Workspace) -> None:
    family = """
from forkctl.family import Family, Launcher

class Mine(Family):
    def launcher(self, entrypoint):
        return Launcher()

    def generate(self, kind, request):
        return {"name": request.suite}

FAMILY = Mine()
"""
    thing.write({"families/plain.py": family})
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace('"robomimic"', '"families/plain.py"'))
    assert thing.run("config", "thing", "libero_goal", "--validate", *HERE) == 2
    assert json.loads(thing.out) == {"name": "libero_goal"}
    assert "the upstream of thing cannot be asked about a config" in thing.err
