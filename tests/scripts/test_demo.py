"""How the demo is told; the stories themselves are typed by hand (`make demo`)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.documented import check_mention

SCRIPTS = ROOT / "scripts"
STORIES = sorted(SCRIPTS.glob("demo_*.py"))


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import story

    monkeypatch.setattr(story, "ROOT", tmp_path)
    return story


def test_every_family_has_its_story_and_an_unknown_fork_none() -> None:
    def demo(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPTS / "demo.py"), *words]
        return subprocess.run(command, capture_output=True, text=True)

    listed = demo("--help").stdout
    for fork in ("robomimic", "robomimic-release", "droid", "openvla", "rdt"):
        assert fork in listed
    assert demo("--fork", "nothing").returncode == 2


def words_of(call: ast.Call) -> list[str]:
    """The constant words of `story.forkctl("data", "synth", …)`, up to the first that is not."""
    words: list[str] = []
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            break
        words.append(argument.value)
    return words


@pytest.mark.parametrize("path", [*STORIES, SCRIPTS / "chapters.py"], ids=lambda path: path.stem)
def test_the_commands_of_a_story_exist(path: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "forkctl"
    ]
    assert calls
    wrong = [check_mention(" ".join(["forkctl", *words_of(call)])) for call in calls]
    assert not any(wrong), wrong


def test_the_last_finished_run_counts_and_another_forks_does_not(
    story: object, tmp_path: Path
) -> None:
    for fork, name, status in (
        ("droid", "tune-20260101-000001", "finished"),
        ("droid", "tune-20260101-000002", "finished"),
        ("droid", "tune-20260101-000003", "failed"),
        ("robomimic", "tune-20260101-000004", "finished"),
    ):
        folder = tmp_path / "runs" / fork / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"status": status}))
    found = story.last_run("droid", "tune")  # type: ignore[attr-defined]
    assert found == Path("runs/droid/tune-20260101-000002")
    with pytest.raises(SystemExit, match="no checkpoint"):
        (tmp_path / found / "checkpoints").mkdir()
        story.checkpoint_of(found)  # type: ignore[attr-defined]


def test_a_command_that_fails_ends_the_story_and_says_so(
    story: object, capfd: pytest.CaptureFixture[str]
) -> None:
    told = story.Story()  # type: ignore[attr-defined]
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    assert told.run(failing, shown="python", must=False) == 3
    with pytest.raises(SystemExit, match="ended with 3"):
        told.run(failing, shown="python")
    assert "$ python -c" in capfd.readouterr().out
