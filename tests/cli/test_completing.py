"""Tab, as a shell asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.driver import Upstream, Workspace, entry


def offered(words: str, cwd: Path) -> list[str]:
    """What follows `forkctl words`; the last word is the one under the cursor."""
    line = f"forkctl {words}"
    asked = {
        "_FORKCTL_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    done = Workspace(cwd).typed(**asked)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def place(workspace: Workspace, upstream: Upstream) -> Path:
    pin = upstream.commit({"a.py": "x = 1\n"})
    workspace.manifest(
        *(entry(upstream, pin, name=name) for name in ("robo", "robo-release", "vla"))
    )
    return workspace.root


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sy", ["sync"]),
        ("apply ro", ["robo", "robo-release"]),
        ("apply robo ro", ["robo-release"]),
        ("run v", ["vla"]),
        ("env create vl", ["vla"]),
        ("config vla libero_1", ["libero_10"]),
        ("ckpt plan x.pth --fork v", ["vla"]),
        ("runs show l", ["last"]),
        ("check --str", ["--strict"]),
    ],
)
def test_what_is_offered(words: str, expected: list[str], place: Path) -> None:
    assert offered(words, place) == expected


def test_nothing_and_no_noise_where_there_is_no_workspace(tmp_path: Path) -> None:
    assert offered("apply ro", tmp_path) == []
    (tmp_path / "forks.toml").write_text("version = what\n")
    assert offered("apply ro", tmp_path) == []


def test_bash_takes_the_script(tmp_path: Path) -> None:
    (tmp_path / "forkctl").write_text(f'#!/bin/sh\nexec {sys.executable} -m forkctl "$@"\n')
    (tmp_path / "forkctl").chmod(0o755)
    script = 'eval "$(_FORKCTL_COMPLETE=bash_source forkctl)" && complete -p forkctl'
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "-F _forkctl_completion forkctl" in done.stdout
