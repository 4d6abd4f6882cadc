"""Commands of data, ckpt and eval with everything that a file can be: an error of ours, no crash.

A pipe that nobody writes to is one of them, so a command that waits for it is ended.
"""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.cli import main
from tests.libero.handmade import TASK, make_demo, write_demos, write_file

pytestmark = pytest.mark.slow

COMMANDS = (
    "ckpt inspect {}",
    "ckpt plan {} --model {}",
    "ckpt merge {}",
    "data inspect {}",
    "data inspect {} --plot plot.png",
    "data validate {}",
    "data stats {}",
    "data index {}",
    "data merge {} -o merged.hdf5",
    "data convert {} -o converted",
    "data fix {} -o fixed",
    "data verify-rdt {}",
    "eval report {}",
    "eval merge {} -o merged",
)
SUFFIXES = {"ckpt": ".pth", "data": "_demo.hdf5", "eval": ""}
KINDS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/null"),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "cyclic": lambda path: path.symlink_to(path.name),
    "empty": lambda path: path.touch(),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 8),
    "cut-data": lambda path: path.write_bytes(write_file(Path("whole.hdf5")).read_bytes()[:3000]),
    "cut-json": lambda path: path.write_text('{"a": ['),
    "other-json": lambda path: path.write_text('[{"a": 1}, null]'),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, and at most half a minute for each command in it."""
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGALRM, waited_too_long)
    signal.alarm(60)
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def waited_too_long(number: int, frame: object) -> None:
    raise AssertionError("it waits for what never comes")


def strange_data(**changes: object) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        demo = make_demo(0, 20, raw=True)
        for name, value in changes.items():
            demo[name.replace("__", "/")] = np.asarray(value)
        write_demos(path, [("demo_0", demo)])

    return write


def linked(path: Path, link: object) -> None:
    write_file(path)
    with h5py.File(path, "r+") as file:
        file["data/demo_7"] = link


STRANGE: dict[str, Callable[[Path], object]] = {
    "nan": strange_data(actions=np.full((20, 7), np.nan)),
    "no-steps": strange_data(actions=np.zeros((0, 7)), states=np.zeros((0, 21))),
    "flat": strange_data(actions=np.zeros(20)),
    "scalar": strange_data(actions=1.0),
    "text": strange_data(actions=np.full((20, 7), b"x")),
    "narrow": strange_data(obs__agentview_rgb=np.zeros((20, 0, 8, 3), np.uint8)),
    "dangling-link": lambda path: linked(path, h5py.SoftLink("/nowhere")),
    "cyclic-link": lambda path: linked(path, h5py.SoftLink("/data/demo_7")),
    "itself": lambda path: linked(path, h5py.SoftLink("/data")),
    "absent-file": lambda path: linked(path, h5py.ExternalLink("nowhere.hdf5", "/data/demo_0")),
    "markup": lambda path: write_demos(path, [("[/bold]", make_demo(0, 20, raw=True))]),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("data ")])
def test_data_that_no_robot_recorded_is_no_crash(
    here: Path, command: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is an error of a file for one command is none for another."""
    path = here / f"{TASK}_demo.hdf5"
    STRANGE[kind](path)
    code = main(shlex.split(command.format(path.name, path.name)))
    said = capsys.readouterr()
    assert code in (0, 1, 2), said.out + said.err


WRITING = (
    "init {}",
    "data merge good_demo.hdf5 -o {}",
    "data convert good_demo.hdf5 -o {}",
    "data fix good_demo.hdf5 -o {}",
    "data inspect good_demo.hdf5 --plot {}",
    "data inspect good_demo.hdf5 --sheet {}",
    "data stats good_demo.hdf5 --write {}",
    "data synth libero_spatial --tasks 0 --demos 1 --image-size 16 -o {}",
)


@pytest.mark.parametrize("place", ["taken/inside", "/proc/nowhere/inside", "x" * 300])
@pytest.mark.parametrize("command", WRITING)
def test_where_nothing_can_be_written_the_answer_is_an_error_of_ours(
    here: Path, command: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A read-only folder is none to the superuser; /proc takes new files of nobody."""
    write_file(here / "good_demo.hdf5")
    (here / "taken").touch()
    code = main(shlex.split(command.format(place)))
    said = capsys.readouterr()
    assert code in (1, 2), said.out + said.err
    assert said.err.count("error: ") == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_a_file_is_the_answer_is_an_error_of_ours(
    here: Path, command: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = here / f"{TASK}{SUFFIXES[command.split()[0]]}"
    KINDS[kind](path)
    code = main(shlex.split(command.format(path.name, path.name)))
    said = capsys.readouterr()
    assert code in (1, 2), said.out + said.err
    assert "Traceback" not in said.err and "not at all" not in said.err
    if not said.out:  # a report says what is wrong of each file
        assert said.err.count("error: ") == 1
