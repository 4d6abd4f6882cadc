"""`forkctl patches` lists what a series holds, and what asks for a second look."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from forkctl.cli import main

PATCH = """\
subject: Do a thing
why: Because of a reason.
forks: [one]
files:
  - file: a.py
    edits:
      - {id: maybe, match: f(), expect: 0.., remove: true}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fork = f'[fork.one]\ngit = "https://example.org/one"\nrevision = "{"1" * 40}"\n'
    (tmp_path / "forks.toml").write_text(f"version = 1\n{fork}")
    folder = tmp_path / "patches" / "s"
    folder.mkdir(parents=True)
    (folder / "0001-thing.yaml").write_text(PATCH)
    (folder / "0002-other.yaml").write_text(
        PATCH.replace("expect: 0.., ", "").replace("forks: [one]\n", "").replace("Do a", "Another")
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table_names_patch_forks_subject_and_files(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["patches"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[1].split() == ["s/0001-thing.yaml", "one", "Do", "a", "thing", "a.py"]
    assert lines[2].split() == ["s/0002-other.yaml", "all", "Another", "thing", "a.py"]
    assert "0001-thing.yaml:7: [maybe] `expect: 0..`" in err
    assert "0002" not in err


def test_json_holds_all_of_it(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patches", "s", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["why"] == "Because of a reason."
    assert first["files"] == ["a.py"] and first["forks"] == ["one"]
    assert first["digest"].startswith("sha256:")
    assert [finding["line"] for finding in first["findings"]] == [7]
    assert second["findings"] == []


def test_the_reasons_are_shown_when_asked(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["patches", "--why"]) == 0
    assert capsys.readouterr().out.count("Because of a reason.") == 2


def test_a_patch_that_cannot_be_read_is_a_usage_error_with_its_line(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "patches/s/0001-thing.yaml").write_text(PATCH.replace("expect", "expects"))
    assert main(["patches"]) == 2
    error = capsys.readouterr().err
    assert "0001-thing.yaml:7: unknown key `expects`" in error and "`expect`" in error
    assert main(["patches", "missing"]) == 2
    assert os.fspath(workspace / "patches" / "missing") in capsys.readouterr().err
