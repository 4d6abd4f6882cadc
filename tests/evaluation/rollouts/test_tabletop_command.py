"""The world that forkctl brings, through the command: the ceiling, the floors, a wrong name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.cli import main
from forkctl.libero.synth import SynthOptions, write_suite

TRIALS = 6


@pytest.fixture
def tabletop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict]:
    """`tabletop(policy, *words)` -> the JSON of the rollout."""
    monkeypatch.chdir(tmp_path)

    def run(policy: str, *words: str) -> dict:
        argv = ["eval", "rollout", policy, "--world", "tabletop", "--out", policy[9:], "--json"]
        assert main([*argv, *words]) == 0
        found: dict = json.loads(capsys.readouterr().out)
        return found

    return run


def test_demonstrations_succeed_in_the_world_that_they_were_made_in(
    tabletop: Callable[..., dict], tmp_path: Path
) -> None:
    list(
        write_suite(
            tmp_path / "demos", "libero_spatial", SynthOptions(demos=TRIALS, images=False), 1
        )
    )
    found = tabletop("baseline:replay", "--data", "demos")
    assert found["overall"]["successes"] == found["overall"]["trials"] == TRIALS
    assert found["simulators"][0]["tabletop"]


@pytest.mark.parametrize("policy", ["baseline:zero", "baseline:random"])
def test_who_knows_nothing_never_succeeds(tabletop: Callable[..., dict], policy: str) -> None:
    words = ("--suite", "libero_spatial", "--tasks", "0", "--trials", str(TRIALS))
    overall = tabletop(policy, *words)["overall"]
    assert (overall["successes"], overall["trials"], overall["errors"]) == (0, TRIALS, 0)


def test_an_unknown_world_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["eval", "rollout", "baseline:zero", "--suite", "libero_spatial"]
    assert main([*words, "--world", "kitchen"]) == 2
    said = capsys.readouterr().err
    assert "no world 'kitchen'" in said and "tabletop" in said
