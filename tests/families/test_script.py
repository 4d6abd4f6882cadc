"""A training script that no family knows, from forks.toml alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from forkctl.errors import UsageError
from forkctl.evaluation.policies.launching import fork_policy
from forkctl.families.registry import launcher_of
from forkctl.family import Family
from forkctl.forks.manifest import load, parse
from forkctl.forks.workspace import Workspace as Found
from forkctl.training import records
from tests import ROOT
from tests.driver import Upstream, Workspace, entry, hear_interrupts
from tests.families.small_script import HERE, OPTIONS, describe, seen
from tests.standin import metrics, only_run, record

pytestmark = pytest.mark.slow


def run(workspace: Workspace, *words: str, config: str = "config.yaml") -> int:
    return workspace.run("run", "mine", config, *HERE, *words)


def test_a_run_from_forks_toml_alone(mine: Workspace) -> None:
    assert run(mine) == 0, mine.out + mine.err
    folder, kept, given = only_run(mine), record(mine), seen(mine)
    assert (kept["kind"], kept["name"], kept["status"]) == ("script", "config", "finished")
    assert given["cwd"] == str(folder / "upstream")
    assert given["mine"] == str(mine.tree("mine") / "src/mine/__init__.py")
    assert given["text"] == (mine.root / "config.yaml").read_text(), "comments and all"
    assert "step 1 loss 1.0000" in (folder / "log.txt").read_text()
    linked = {path.name: path.read_text() for path in (folder / "checkpoints").iterdir()}
    assert linked == {f"step-{step}.pt": str(step) for step in (1, 2, 3, 4)}
    assert "ok       import mine" in mine.out
    assert "ok       disk" in mine.out
    assert json.loads(mine.ok("runs", "list", "--json"))[0]["last_loss"] == 0.25


def test_metrics_come_from_the_lines_that_the_patterns_find(mine: Workspace) -> None:
    assert run(mine) == 0, mine.err
    found = [{k: v for k, v in each.items() if k != "time"} for each in metrics(mine)]
    assert found[1] == {"step": 2, "loss": 0.5, "lr": 0.001}
    assert found[4:] == [{"step": 4, "loss": 0.5, "split": "valid"}]


def test_metrics_that_the_script_writes_itself_come_first(mine: Workspace) -> None:
    assert run(mine, "--", "--act", "sink") == 0, mine.err
    training = [each for each in metrics(mine) if each.get("split") != "valid"]
    assert [(each["step"], each["loss"]) for each in training] == [
        (step, 10.0 / step) for step in (1, 2, 3, 4)
    ]


def test_the_other_commands_know_the_fork(mine: Workspace) -> None:
    assert "holds" in mine.ok("check", "mine")
    assert "mine" in mine.ok("status")
    checked = mine.ok("env", "check", "mine", *HERE)
    assert "ok       import mine  from mine/src/mine/__init__.py" in " ".join(
        checked.split("\n")
    ).replace("import mine:", "import mine ")
    out = mine.root / "said"
    code = f"import mine, pathlib; pathlib.Path({str(out)!r}).write_text(mine.__file__)"
    mine.ok("env", "exec", "mine", *HERE, "--", "python", "-c", code)
    assert out.read_text() == str(mine.tree("mine") / "src/mine/__init__.py")
    assert mine.run("config", "mine", "libero_spatial") == 2
    assert "no config can be generated" in mine.err


def test_a_policy_imports_from_where_runs_do(mine: Workspace) -> None:
    class WithPolicies(Family):
        worker = "worker.py"

    workspace = Found(mine.root)
    fork = load(workspace.manifest).fork("mine")
    process = fork_policy(workspace, fork, WithPolicies(), sys.executable, "cpu")
    first, second, _ = process.launch.env["PYTHONPATH"].split(os.pathsep)
    assert (first, second) == (str(mine.tree("mine") / "src"), str(mine.tree("mine")))


@pytest.mark.parametrize("name", ["config.yaml", "config.json"])
def test_set_changes_a_config_of_keys_and_values(mine: Workspace, name: str) -> None:
    import yaml

    mine.write({"config.json": '{"lr": 0.1, "net": {"widths": [1, 2]}}'})
    assert run(mine, "--set", "lr=0.5", "--set", "net.depth=3", config=name) == 0, mine.err
    assert seen(mine)["config"].endswith(Path(name).suffix)
    assert yaml.safe_load(seen(mine)["text"]) == {
        "lr": 0.5,
        "net": {"widths": [1, 2], "depth": 3},
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.toml", 'lr = 0.1 # as "published"\n'),
        ("config.yaml", "lr: !rate 0.1\n"),  # a tag that only the script knows
        ("config.yaml", "- a list\n"),
    ],
)
def test_any_other_config_is_handed_on_as_it_is(mine: Workspace, name: str, text: str) -> None:
    mine.write({name: text})
    assert run(mine, "--set", "lr=0.5", config=name) == 2
    assert "--set needs the config's values" in mine.err
    assert not (mine.root / "runs").exists()
    assert run(mine, config=name) == 0, mine.err
    assert seen(mine)["text"] == text


def test_options_of_forkctl_fill_their_templates(mine: Workspace, tmp_path: Path) -> None:
    (tmp_path / "demos").mkdir()
    (tmp_path / "base.pt").write_text("weights")
    words = ("--data", str(tmp_path / "demos"), "--ckpt", str(tmp_path / "base.pt"))
    assert run(mine, *words, "--steps", "2", "--gpus", "3") == 0, mine.out + mine.err
    given, kept = seen(mine), record(mine)
    assert given["data"] == str(tmp_path / "demos")
    assert given["init"] == str(tmp_path / "base.pt")
    assert (given["max_steps"], given["launched"]) == (2, "3")
    assert kept["steps"] == 2
    assert kept["checkpoint"]["path"] == str(tmp_path / "base.pt")
    assert kept["command"][1:5] == ["-m", "mine.launch", "3", str(mine.tree("mine") / "train.py")]


@pytest.mark.parametrize("option", ["data", "ckpt", "steps", "gpus"])
def test_an_option_without_its_template_is_refused(
    mine: Workspace, upstream: Upstream, option: str
) -> None:
    lines = [line for line in OPTIONS.splitlines() if not line.startswith(f"{option} =")]
    describe(mine, upstream, "\n".join(lines))
    assert run(mine, f"--{option}", "1") == 2
    assert f"the script takes no --{option}" in mine.err
    assert f"{option} = [" in mine.err, "the hint shows what to write"
    assert not (mine.root / "runs").exists()


def test_what_is_not_there_stops_the_run(mine: Workspace) -> None:
    assert run(mine, "--data", "no-demos", "--ckpt", "no.pt") == 1
    assert f"data: {mine.root}/no-demos: no such file or folder" in mine.out
    assert f"checkpoint: {mine.root}/no.pt: no such file or folder" in mine.out
    assert not (mine.root / "runs").exists()
    assert run(mine, config="absent.yaml") == 2
    assert "there is no such config" in mine.err


def test_imports_and_disk_are_checked_before_a_run(mine: Workspace, upstream: Upstream) -> None:
    packages = OPTIONS.replace('["mine"]', '["mine", "json"]')
    imports = packages.replace('["json"]', '["mine.launch", "no_such_module"]')
    describe(mine, upstream, imports + "disk_gb = 9000000\n")
    assert run(mine) == 1
    assert "failed   import no_such_module: ModuleNotFoundError" in mine.out
    assert "failed   import json: comes from" in mine.out
    assert "failed   disk:" in mine.out
    assert not (mine.root / "runs").exists()


def test_flags_are_the_config_of_a_script_that_takes_no_file(
    mine: Workspace, upstream: Upstream
) -> None:
    describe(mine, upstream, 'arguments = ["--out", "{out}", "{flags}"]')
    mine.write({"config.yaml": "lr: 0.1\nfast: true\ninit: null\nnet: {widths: [1, 2]}\n"})
    assert run(mine, "--set", "lr=0.2") == 0, mine.err
    given = seen(mine)
    assert (given["lr"], given["fast"], given["init"]) == (0.2, True, None)
    assert given["net.widths"] == ["1", "2"]
    mine.write({"config.toml": "lr = 0.1\n"})
    assert run(mine, config="config.toml") == 2
    assert "{flags} in forks.toml needs the config's values" in mine.err


def test_places_and_options_can_be_set_in_the_config_itself(
    mine: Workspace, upstream: Upstream
) -> None:
    settings = """arguments = ["--config", "{config}", "--out", "{out}"]
set = ["out.folder={out}", "train.steps={steps}", "train.name={experiment}"]"""
    describe(mine, upstream, settings)
    mine.write({"config.json": '{"lr": 0.1}'})
    assert run(mine, "--steps", "3", config="config.json") == 0, mine.err
    assert json.loads(seen(mine)["text"]) == {
        "lr": 0.1,
        "out": {"folder": f"{only_run(mine)}/upstream"},
        "train": {"steps": 3, "name": "{experiment}"},
    }
    assert run(mine, "--dry-run", config="config.json") == 0, "a value that is not given stays out"


def test_a_script_with_relative_imports_starts_as_a_module(
    mine: Workspace, upstream: Upstream
) -> None:
    describe(mine, upstream, 'arguments = ["{out}"]\nmodule = "mine.relative"')
    assert run(mine, "--", "more") == 0, mine.err
    folder = only_run(mine) / "upstream"
    assert json.loads((folder / "seen.json").read_text()) == [str(folder), "more"]


def test_libero_data_is_checked_and_joined(
    mine: Workspace, upstream: Upstream, libero: Path
) -> None:
    describe(mine, upstream, OPTIONS + 'libero = "files"\n')
    assert run(mine, "--name", "apart", "--data", str(libero)) == 0, mine.out
    assert "2 files valid" in mine.out
    assert seen(mine)["data"] == str(libero)
    assert run(mine) == 1
    assert "--data" in mine.err, "what is checked must be named"

    describe(mine, upstream, OPTIONS + 'libero = "joined"\n')
    assert run(mine, "--name", "joined", "--data", str(libero)) == 0, mine.out
    folder = next((mine.root / "runs/mine").glob("joined-*"))
    given = json.loads((folder / "upstream/seen.json").read_text())["data"]
    with h5py.File(given, "r") as file:
        assert len(file["data"]) == 4

    broken = mine.root / "broken" / next(libero.glob("*.hdf5")).name
    mine.write({"broken/" + broken.name: next(libero.glob("*.hdf5")).read_bytes()})
    with h5py.File(broken, "a") as file:
        file["data/demo_0/actions"][3] = float("nan")
    assert run(mine, "--data", str(broken)) == 1
    assert "failed   data:" in mine.out


def test_a_script_that_reads_beside_itself_starts_in_the_tree(
    mine: Workspace, upstream: Upstream
) -> None:
    describe(mine, upstream, OPTIONS + "in_tree = true\n")
    assert run(mine) == 0, mine.err
    assert seen(mine)["cwd"] == str(mine.tree("mine"))


def test_a_killed_run_goes_on_from_its_last_checkpoint(mine: Workspace) -> None:
    running = started(mine, "--act", "hang")
    try:
        pid = wait_for_step(mine, running)
        os.kill(pid, signal.SIGKILL)
    finally:
        assert running.wait(60) == 1
    assert record(mine)["status"] == "failed"
    assert "SIGKILL" in record(mine)["reason"]
    mine.ok("runs", "resume", "last")
    kept, given = record(mine), seen(mine)
    assert (kept["status"], kept["resumed"]) == ("finished", 1)
    assert given["resume"] == str(only_run(mine) / "upstream/saved/step-2.pt")
    assert given["act"] == "hang", "the words after -- are handed on again"
    training = [each["step"] for each in metrics(mine) if each.get("split") != "valid"]
    assert training == [1, 2, 3, 4]


def test_steps_that_a_script_counts_anew_are_written_as_those_of_the_whole_run(
    mine: Workspace, upstream: Upstream
) -> None:
    told = OPTIONS.replace(r"(?P<lr>\S+)'", r"(?P<lr>\S+) epoch (?P<epoch>\d+)'")
    describe(mine, upstream, told)
    assert run(mine, "--", "--act", "anew") == 0, mine.err
    for again in ("first", "second"):
        records.load(only_run(mine)).update(status="failed", reason=again)
        for step in (3, 4):  # two steps an epoch: it goes on with the second one
            (only_run(mine) / f"upstream/saved/step-{step}.pt").unlink()
        mine.ok("runs", "resume", "last")
        assert "step 4" in mine.out and "step 5" not in mine.out
    training = [each["step"] for each in metrics(mine) if each.get("split") != "valid"]
    assert training == [1, 2, 3, 4, 3, 4, 3, 4]


def test_an_interrupted_run_goes_on_too(mine: Workspace) -> None:
    running = started(mine, "--act", "hang")
    try:
        pid = wait_for_step(mine, running)
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 130
    assert record(mine)["status"] == "interrupted"
    assert not Path(f"/proc/{pid}").exists()
    mine.ok("runs", "resume", "last")
    assert record(mine)["status"] == "finished"


def started(workspace: Workspace, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "forkctl", "run", "mine", "config.yaml", *HERE, "--", *words],
        cwd=workspace.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_interrupts,
    )


def wait_for_step(workspace: Workspace, running: subprocess.Popen[bytes]) -> int:
    """The script's own process, once it waits with two checkpoints saved."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        logs = [path.read_text() for path in workspace.root.glob("runs/mine/*/log.txt")]
        if logs and "waiting" in logs[0]:
            return int(record(workspace)["pid"])
        time.sleep(0.05)
    raise AssertionError("the script did not get there")


def test_a_run_without_what_resuming_takes_says_so(mine: Workspace, upstream: Upstream) -> None:
    describe(mine, upstream, 'arguments = ["--config", "{config}", "--no-such-flag"]')
    assert run(mine) == 1
    assert mine.run("runs", "resume", "last") == 2
    assert "forks.toml does not say how the script resumes" in mine.err
    assert 'resume = ["--resume", "{checkpoint}"]' in mine.err
    describe(mine, upstream)  # with a way to resume; but the run saved nothing
    assert mine.run("runs", "resume", "last") == 1
    assert "the run has saved no checkpoint yet" in mine.err
    describe(mine, upstream, 'resume = ["--max-steps", "1"]')  # a script that finds its own
    mine.ok("runs", "resume", "last")
    assert record(mine)["status"] == "finished"


def test_a_fork_without_an_environment_of_its_own(
    mine: Workspace, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(mine, upstream, environment="")
    assert mine.run("run", "mine", "config.yaml") == 1
    assert "[fork.mine.env]" in mine.err and "--env" in mine.err
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    mine.ok("env", "check", "mine", "--env", "current")
    mine.ok("run", "mine", "config.yaml", "--env", "current")
    assert record(mine)["environment"]["lock"] is None
    mine.ok("status")
    assert "holds" in mine.ok("check", "mine")


REFUSED = [
    ('argument = ["--x"]', "did you mean"),
    ('arguments = ["--data", "{data}"]', "`arguments` cannot hold {data}"),
    ('data = ["--data"]', "`data` does not hold {data}"),
    ('set = ["out"]', "not of the form"),
    ("metrics = 'loss ('", "not a regular expression"),
    ("metrics = 'loss .*'", "no named group"),
    ('libero = "files"', "how the script takes {data}"),
    ('libero = "some"', "not a form of data"),
    ('checkpoints = "/tmp/*.pt"', "not a relative path"),
    ('resume = "--resume"', "must be a list"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_the_kind_does_not_take_is_refused_with_its_line(
    options: str, said: str, tmp_path: Path
) -> None:
    entrypoint = '[fork.mine.entrypoint]\nfile = "train.py"\nkind = "script"\n'
    extra = f"{entrypoint}[fork.mine.entrypoint.options]\n{options}\n"
    text = "version = 1\n" + entry("https://example.org/mine", "0" * 40, "mine", extra=extra)
    fork = parse(text, tmp_path / "forks.toml").fork("mine")
    with pytest.raises(UsageError) as caught:
        launcher_of(Found(tmp_path), fork)
    assert said in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.where == f"forks.toml:{text.splitlines().index(options) + 1}"


def test_a_mistake_in_the_options_is_found_before_any_run(
    mine: Workspace, upstream: Upstream
) -> None:
    describe(mine, upstream, 'argument = ["--x"]')
    assert run(mine) == 2
    assert "unknown key `argument` in [fork.mine.entrypoint.options]" in mine.err
    assert mine.run("check", "mine") == 1
    assert "unknown key `argument` in [fork.mine.entrypoint.options]" in mine.err


def test_options_of_a_kind_that_takes_none_are_refused(mine: Workspace) -> None:
    manifest = mine.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace('"script"', '"robomimic"'))
    assert run(mine) == 2
    assert "unknown key `arguments` in [fork.mine.entrypoint.options]" in mine.err
