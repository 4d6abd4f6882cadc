"""Every command of README and docs works.

Quick ones are run, page by page, in a workspace that was started by `forkctl init` and has what the
pages assume: LIBERO-shaped data, a checkpoint, runs. Long ones (they need a fork's environment, a
network, or minutes) are parsed with all their words here; tests/commands.py sees that other tests
ran them. Commands of other programs are only parsed. The name of each test says which it is.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.training import records
from tests import ROOT
from tests.checkpoints.torch_files import robomimic_content, write_torch
from tests.documented import PAGES, Line, check_mention, kind_of, lines_of, mentions_of, parsed
from tests.driver import Workspace

LINES = [line for page in PAGES for line in lines_of(page)]
FORKS = ("robomimic", "droid", "openvla", "rdt")
# These end with 1 when they found something, which is what they are for.
JUDGES = {("data", "validate"), ("check",), ("doctor",)}


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{kind_of(line)}: {line}")
def test_command(line: Line) -> None:
    """All words are taken. That a command was run `elsewhere` is judged at the session's end."""
    for command in line.commands:
        if command[0] == "forkctl":
            parsed(command)
        else:
            assert command[0] in TOOLS, f"{command[0]}: what is that?"
            TOOLS[command[0]](command)


def test_every_mentioned_command_and_option_exists() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    wrong = [
        f"{page.name}: {problem}"
        for page, text in texts.items()
        for problem in map(check_mention, mentions_of(text))
        if problem
    ]
    assert not wrong, "\n".join(wrong)


def test_every_page_is_linked_and_every_link_leads_somewhere() -> None:
    linked = set()
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)[)#]", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            assert path.exists(), f"{page.name}: {target}"
            if page.name == "README.md":
                linked.add(path)
    assert set(PAGES[1:]) <= linked


def test_files_that_pages_name_are_there() -> None:
    named = re.compile(r"`((?:tests|benchmarks|forkctl)/[\w/]+\.py)")
    found = [path for page in PAGES for path in named.findall(page.read_text(encoding="utf-8"))]
    assert len(found) > 10
    assert not [path for path in found if not (ROOT / path).is_file()]


def make(command: list[str]) -> None:
    targets = [word for word in command[1:] if "=" not in word]
    done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def python(command: list[str]) -> None:
    """The file is there, and knows the options; a test or a benchmark runs it."""
    words = command[1:]
    path = ROOT / (words[1].replace(".", "/") + ".py" if words[0] == "-m" else words[0])
    if not path.exists():
        path = path.with_suffix("") / "__main__.py"
    text = path.read_text(encoding="utf-8")
    for option in (word for word in words[1:] if word.startswith("--")):
        assert f'"{option}"' in text


def pip(command: list[str]) -> None:
    extras = re.findall(r"\[(.*)\]", command[-1])
    declared = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for extra in ",".join(extras).split(","):
        assert not extra or f"\n{extra} =\n" in declared


def bash(command: list[str]) -> None:
    assert (ROOT / command[1]).is_file()


def harmless(command: list[str]) -> None:
    """Settings of the shell, and programs of others."""


TOOLS: dict[str, Callable[[list[str]], None]] = {
    "make": make,
    "python": python,
    "pip": pip,
    "bash": bash,
    "cd": harmless,
    "eval": harmless,
    "export": harmless,
    "git": harmless,
    "tensorboard": harmless,
}


class Shelf(Workspace):
    """A workspace and a HOME in which the pages' words mean something."""

    @property
    def home(self) -> Path:
        return self.root.parent / "home"

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """A line of a shell; `forkctl` there is the one under test."""
        variables = {
            **self.variables,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            # git's own settings stay, for mirrors' sake
            "GIT_CONFIG_GLOBAL": os.environ.get("GIT_CONFIG_GLOBAL", f"{Path.home()}/.gitconfig"),
            "LIBERO_DATA": str(self.root / "data"),
        }
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.root,
            env=variables,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def must(self, line: str) -> None:
        done = self.type(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def fill(self) -> None:
        """What the pages assume to be there, fresh for each page."""
        shutil.rmtree(self.root / "data", ignore_errors=True)
        copy = functools.partial(shutil.copytree, copy_function=os.link)
        for folder in ("data/libero_spatial", "data/mine"):
            copy(self.home / "libero/libero_spatial", self.root / folder)


@pytest.fixture(scope="module")
def shelf(
    tmp_path_factory: pytest.TempPathFactory,
    real: Callable[..., Workspace],
    session_cache: Path,
    synthetic: Callable[..., Path],
) -> Shelf:
    real(*FORKS)  # skips where they are out of reach
    folder = tmp_path_factory.mktemp("documented")
    shelf = Shelf(folder / "workspace", variables={"FORKCTL_CACHE": str(session_cache)})
    shelf.must("forkctl init && forkctl sync && forkctl apply")
    shutil.copytree(
        synthetic(tasks=2, demos=2, image_size=128), shelf.home / "libero/libero_spatial"
    )
    for path in (shelf.home / "droid.pth", shelf.root / "droid.pth"):
        write_torch(path, droid_checkpoint())
    for name, loss in (("A", 0.5), ("B", 0.25)):
        add_run(shelf.root, name, loss)
    return shelf


def droid_checkpoint() -> object:
    """Names, shapes and settings such as the DROID fork saves; no numbers."""
    cameras = ("varied_camera_1_left_image", "varied_camera_2_left_image")
    encoder = "policy.obs_encoder.module.nets"
    nets = {f"{encoder}.{camera}.nets.0.conv.weight": (64, 3, 7, 7) for camera in cameras}
    config = {
        "algo_name": "diffusion_policy",
        "observation": {
            "image_dim": [256, 256],
            "modalities": {"obs": {"rgb": list(cameras), "low_dim": ["cartesian_position"]}},
        },
        "algo": {"horizon": {"observation_horizon": 2, "prediction_horizon": 16}},
    }
    return robomimic_content(nets, config)


def add_run(root: Path, name: str, loss: float) -> None:
    record = records.RunRecord(
        fork="robomimic",
        kind="robomimic",
        name=name,
        started=records.now(),
        command=("python", "train.py"),
        cwd=str(root),
        fork_state={"pin": "0" * 40, "series": "0" * 40, "tree": "0" * 40, "dirty": False},
        environment={"profile": "cpu", "prefix": "envs/0", "binding": "0" * 16},
        data={"fingerprint": "0" * 16, "files": []},
        checkpoint=None,
        config="config.json",
        steps=2,
        host="somewhere",
        status=records.FINISHED,
        seconds=2.0,
        returncode=0,
    )
    run = records.Run(records.new_folder(root, "robomimic", name), record)
    records.save(run)
    run.log.write_text("finished run successfully!\n")
    run.config.write_text(json.dumps({"train": {"seed": 1}}))
    points = [{"step": step, "epoch": 1, "loss": loss / step} for step in (1, 2)]
    run.metrics.write_text("".join(json.dumps(point) + "\n" for point in points))


QUICK_PAGES = [page for page in PAGES if "run" in map(kind_of, lines_of(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", QUICK_PAGES, ids=lambda page: page.name)
def test_the_quick_commands_of_a_page_run(page: Path, shelf: Shelf) -> None:
    shelf.fill()
    settings: list[str] = []
    for line in lines_of(page):
        if line.text.startswith("export "):
            settings.append(line.text)
        if kind_of(line) != "run":
            continue
        for command in line.commands:
            clear_the_way(shelf, command)
        done = shelf.type("\n".join([*settings, line.text]))
        judged = done.returncode == 1 and parsed(line.commands[-1])[0] in JUDGES
        assert done.returncode == 0 or judged, f"{line}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr


def clear_the_way(shelf: Shelf, command: list[str]) -> None:
    """Data that a page makes is not there yet."""
    if command[:3] == ["forkctl", "data", "synth"]:
        out = Path(command[command.index("--out") + 1] if "--out" in command else command[3])
        shutil.rmtree(shelf.root / ("data" if len(out.parts) == 1 else ".") / out, True)
