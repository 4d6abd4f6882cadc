"""Every command that there is, with what it reads and writes in every state that a file can be.

The commands are those of click's tree: a new one is audited without being listed here, as long as
what it cannot do without has a name that others use. Quick: a state of each. Slow: every third of
the others, each state with other commands; all with FORKCTL_AUDIT_EVERY=1 in the environment.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import click
import pytest

from forkctl.cli import main
from tests.checkpoints.torch_files import write_safetensors
from tests.cli.audit import STATES, limited, put
from tests.cli.test_main import all_commands
from tests.conftest import alone
from tests.driver import Upstream, Workspace, entry, git
from tests.libero.handmade import write_file
from tests.standin import ENVIRONMENT, UPSTREAM, write_config

T = TypeVar("T")

DEMOS = "data/libero_spatial/pick_demo.hdf5"
# a value that will do for what a command cannot do without
GOOD = {
    "fork": "thing",
    "forks": "thing",
    "name": "thing",
    "commit_or_tree": "thing",
    "suite": "libero_spatial",
    "path": DEMOS,
    "paths": DEMOS,
    "data": DEMOS,
    "file": "model.safetensors",
    "config": "config.json",
    "records": "rollouts",
    "folder": "eval",
    "run": "last",
    "names": "last last",
    "words": "true",
    "out": "written",
}
SHORT = "--trials 1 --max-steps 2 --tasks 0 --suite libero_spatial"
# what makes a command quick, or lets it come to the file
MORE = {
    "bundle": "--offline",
    "data synth": "--tasks 1 --demos 1 --image-size 32 --jobs 1",
    "data validate": "--jobs 1",
    "data stats": "--jobs 1",
    "data index": "--jobs 1",
    "data convert": "--jobs 1",
    "data fix": "--jobs 1 --out fixed --language",
    "data fix --out": "--jobs 1 --language",
    "data download": "--tasks 1",
    "run": "--dry-run",
    "config --own": "--validate",
    "eval openloop": "baseline:zero --max-steps 5",
    "eval openloop --ckpt": "thing",
    "eval openloop --policy": "",
    "eval rollout": f"baseline:zero --world tabletop {SHORT}",
    "eval rollout --ckpt": "thing --world tabletop",
    "eval rollout --policy": f"--world tabletop {SHORT}",
    "eval rollout --world": f"baseline:zero {SHORT}",
    "eval rollout --video-dir": f"baseline:zero --world tabletop --record-video {SHORT}",
    "eval rollout --data": f"baseline:replay --world tabletop {SHORT}",
}
UNUSED = {"own", "sim_env"}  # by a baseline, and by a world that needs no simulator
WRITTEN = {"out", "output", "html", "plot", "sheet", "write", "writes", "video_dir"}
QUICK = {"pipe"}

Place = tuple[str, click.Command, click.Parameter]


def commands() -> dict[str, click.Command]:
    found = {name.removeprefix("forkctl").strip(): each for name, each in all_commands()}
    return {name: each for name, each in found.items() if not isinstance(each, click.Group)}


def is_a_place(parameter: click.Parameter) -> bool:
    said = parameter.metavar or ""
    path = isinstance(parameter.type, click.Path) or "PATH" in said or "FILE" in said
    return path or parameter.name in ("run", "names")


PLACES: list[Place] = [
    (name, command, each)
    for name, command in commands().items()
    for each in command.params
    if is_a_place(each)
]


def called(place: Place) -> str:
    name, _, parameter = place
    return f"{name} {parameter.name}".replace(" ", "-")


def words_of(place: Place, value: str) -> list[str]:
    name, command, parameter = place
    more = MORE.get(f"{name} --{parameter.name}".replace("_", "-"), MORE.get(name, ""))
    words = [*name.split(), *shlex.split(more)]
    for each in command.params:
        given = value if each is parameter else GOOD.get(str(each.name), "")
        if each is parameter or (each.required and not set(each.opts) & set(words)):
            option = [max(each.opts, key=len)] if isinstance(each, click.Option) else []
            words += [*option, *shlex.split(given)]
    return words


@pytest.fixture(scope="session")
def model(shared: Path) -> Path:
    """A workspace with all that forkctl keeps; each test has a copy."""
    root = shared / "audited"
    with alone(shared, "audited") as first, pytest.MonkeyPatch.context() as patched:
        if first:
            patched.setenv("FORKCTL_CACHE", str(root / "cache"))
            patched.setenv("VIRTUAL_ENV", sys.prefix)
            patched.delenv("CONDA_PREFIX", raising=False)
            fill(Workspace(root / "workspace"), Upstream(root / "upstream"))
    return root


def fill(workspace: Workspace, upstream: Upstream) -> None:
    pin = upstream.commit({**UPSTREAM, "notes.py": "a = 1\nb = 2\n", "plain.txt": "one\ntwo\n"})
    workspace.write(
        {
            "patches/mine/0001-b.yaml": "subject: b\nwhy: b\nfiles:\n- file: notes.py\n"
            "  edits:\n  - {id: b, match: 'b = 2', replace: 'b = 3'}\n",
            "overlays/mine/extra.txt": "extra\n",
            "envs/cpu.txt": "# our own\n",
        }
    )
    extra = ENVIRONMENT.format(kind="robomimic")
    workspace.manifest(entry(upstream, pin, series=["mine"], overlays=["mine"], extra=extra))
    workspace.said("sync")
    workspace.said("apply")
    (workspace.tree() / "plain.txt").write_text("one\nthree\n")
    git(workspace.tree(), "commit", "-qam", "Change plain")
    workspace.said("save", "thing")
    workspace.said("apply")
    demos = write_file(workspace.root / DEMOS)
    write_safetensors(workspace.root / "model.safetensors", {"a.weight": (2, 2)})
    write_config(workspace, data=[{"path": str(demos)}])
    workspace.said("run", "thing", "config.json", "--any-data", "--", "--act", "sink")
    for name, folder in (("openloop", "eval"), ("rollout", "rollouts")):
        words = MORE[f"eval {name}"].split() + (["--data", DEMOS] if name == "openloop" else [])
        workspace.said("eval", name, *words, "--out", folder)


@pytest.fixture
def here(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("workspace", "cache"):
        shutil.copytree(model / name, tmp_path / name, symlinks=True)
    monkeypatch.setenv("FORKCTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path / "workspace")
    yield tmp_path / "workspace"


def content_of(folder: Path) -> dict[str, str]:
    """What a user would miss."""
    names = (path for path in folder.rglob("*") if ".git" not in path.parts)
    whole = (path for path in names if path.is_file() and not path.is_symlink())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in whole
        if path.name != ".forkctl.lock" and path.stat().st_size < 1 << 30
    }


def judge(words: list[str], code: int, out: str, err: str) -> None:
    said = f"{shlex.join(words)}\nexit {code}\n{out}\n{err}"
    assert code in (0, 1, 2), said
    assert "Traceback" not in out + err or "-policy.log: the policy's process ended" in err, said
    if code:
        assert err.count("error: ") == 1 or out, said  # a table says it of each file
        assert "[Errno" not in err, said


@pytest.fixture
def typed(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], int]:
    def type_in(words: list[str]) -> int:
        before = content_of(here)
        with limited():
            code = main(words)
        judge(words, code, *capsys.readouterr())
        if code:
            after = content_of(here)
            lost = [name for name, content in before.items() if after.get(name) != content]
            assert not lost, shlex.join(words)
        return code

    return type_in


EVERY = int(os.environ.get("FORKCTL_AUDIT_EVERY", "3"))
QUICK = "pipe"


def in_states(things: Sequence[T], name: Callable[[T], str]) -> list[object]:
    cases: list[object] = []
    for number, (thing, state) in enumerate(itertools.product(things, STATES)):
        if state == QUICK or number % EVERY == 0:  # 14 states: a step of 3 comes to all of them
            marks = () if state == QUICK else pytest.mark.slow
            cases.append(pytest.param(thing, state, marks=marks, id=f"{name(thing)}-{state}"))
    return cases


@pytest.mark.parametrize(("place", "state"), in_states(PLACES, called))
def test_whatever_it_is_given(
    typed: Callable[[list[str]], int], here: Path, place: Place, state: str
) -> None:
    good = here / GOOD.get(str(place[2].name), "")
    path = here / f"given{good.suffix}"
    path.write_bytes(good.read_bytes() if good.is_file() else b"x" * 100)
    put(path, state)
    code = typed(words_of(place, path.name))
    if place[2].name not in WRITTEN | UNUSED and state == "missing" and place[0] != "init":
        assert code, "an absent file is as good as none"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["taken/inside", "/proc/nowhere/inside", "x" * 300])
@pytest.mark.parametrize("place", [p for p in PLACES if p[2].name in WRITTEN], ids=called)
def test_where_nothing_can_be_written(
    typed: Callable[[list[str]], int], here: Path, place: Place, where: str
) -> None:
    """A read-only folder is none to the superuser; /proc takes new files of nobody."""
    (here / "taken").touch()
    assert typed(words_of(place, where))


RUNS = ("runs list", "runs show last", "runs plot last", "runs logs last", "runs compare last last")
FORKS = ("sync", "apply", "status", "check --offline")
# what a command finds by itself, and the commands that do
FOUND = {
    "forks.toml": ("sync", "status", "run thing config.json --dry-run"),
    "forks.lock": (*FORKS, "apply --locked"),
    "patches/mine/0001-b.yaml": (*FORKS, "patches", "which thing"),
    "patches/mine/0002-change-plain.patch": (*FORKS, "patches", "drift"),
    "overlays/mine/extra.txt": FORKS,
    "envs/cpu.txt": ("env show thing",),
    "runs/*/*/run.json": (*RUNS, "runs resume last"),
    "runs/*/*/metrics.jsonl": RUNS,
    "runs/*/*/log.txt": RUNS,
    "runs/*/*/config.json": ("runs show last", "runs resume last"),
    "eval/*.json": ("eval report eval",),
    "eval/*.jsonl": ("eval report eval",),
    "rollouts/*.json": ("eval report rollouts", "eval merge rollouts --out merged"),
    "rollouts/*.jsonl": ("eval report rollouts", "eval merge rollouts --out merged"),
    "forks/thing/.git/forkctl/state.json": (*FORKS, "diff thing", "export thing"),
    "forks/thing/.git/forkctl/switch.json": FORKS,
}


@pytest.mark.parametrize(("file", "state"), in_states(list(FOUND), str))
def test_whatever_it_finds(
    typed: Callable[[list[str]], int], here: Path, file: str, state: str
) -> None:
    found = [*here.glob(file), here / file]
    put(found[0], state)
    for command in FOUND[file]:
        typed(command.split())
