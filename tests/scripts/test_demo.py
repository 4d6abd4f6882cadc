"""How the demo is told; the stories themselves are typed by hand (`make demo`)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import ROOT
from tests.documented import check_mention

SCRIPTS = ROOT / "scripts"
TELLERS = [*sorted(SCRIPTS.glob("demo_*.py")), SCRIPTS / "chapters.py", SCRIPTS / "tabletop.py"]


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


def words_of(call: ast.Call, named: Mapping[str, ast.Tuple]) -> list[str]:
    """The constant words of `story.forkctl("data", "synth", …)`, up to the first that is not.

    Or of `story.forkctl(*words, …)`, where `words` are assigned in the same function.
    """
    words: list[str] = []
    arguments = list(call.args)
    first = arguments[0]
    if isinstance(first, ast.Starred) and isinstance(first.value, ast.Name):
        arguments = named[first.value.id].elts
    for argument in arguments:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            break
        words.append(argument.value)
    return words


def commands_of(function: ast.FunctionDef) -> list[str]:
    """The forkctl commands that a function runs, each as far as its words are constant."""
    named: dict[str, ast.Tuple] = {}
    commands: list[str] = []
    nodes = [node for node in ast.walk(function) if isinstance(node, (ast.Assign, ast.Call))]
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            named |= {target.id: node.value for target in node.targets if hasattr(target, "id")}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "forkctl":
            commands.append(" ".join(["forkctl", *words_of(node, named)]))
    return commands


@pytest.mark.parametrize("path", TELLERS, ids=lambda path: path.stem)
def test_the_commands_of_a_story_exist(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    commands = [command for function in functions for command in commands_of(function)]
    assert commands
    assert "forkctl" not in commands
    wrong = [check_mention(command) for command in commands]
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


def test_what_was_shown_is_said_in_numbers_that_were_measured(
    story: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import chapters

    run = tmp_path / "run"
    run.mkdir()
    lines = [{"step": step, "loss": loss} for step, loss in enumerate([4.0] * 10 + [1.0] * 10)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))

    def arm(skill: float) -> dict[str, object]:
        return {"metrics": {"skill_mean": {"motion": [skill, skill - 0.1, skill + 0.1]}}}

    compared = {
        "arms": {"fine-tuned": arm(0.25), "base": arm(-0.5)},
        "difference": {"skill_mean": {"motion": [0.75, 0.5, 1.0]}},
    }
    shown = {
        "loss": chapters.course(run),
        "skill": chapters.skill({"arms": {"policy": arm(0.25)}}),
        "skills": chapters.skills(compared, "from scratch"),
    }
    chapters.farewell("robomimic", shown=shown, next_steps=("forkctl sync",))
    said = capsys.readouterr().out
    assert "loss    from 4 to 1 in 20 steps" in said
    assert "skill   +0.25, a constant 0 (95 % interval: +0.15 to +0.35)" in said
    assert "+0.25, from scratch -0.50, a constant 0 (difference +0.75" in said
    assert "+0.50 to +1.00" in said
    assert "    forkctl sync" in said
