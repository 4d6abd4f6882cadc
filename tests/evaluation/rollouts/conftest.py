"""A point's world and a policy for it, in processes of their own, through the command."""

from __future__ import annotations

import json

import pytest

from forkctl.cli import main
from tests.evaluation.rollouts.rollout_support import POLICY, WORLD


@pytest.fixture
def rollout(tmp_path, capsys, monkeypatch):
    """`rollout(*words, **policy)` -> the JSON of a rollout, or what it said when it failed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0, out: str = "out", **policy):
        checkpoint = tmp_path / "point.json"
        content = json.dumps(policy)
        if not checkpoint.exists() or checkpoint.read_text() != content:
            checkpoint.write_text(content)
        argv = ["eval", "rollout", "--policy", str(POLICY), "--ckpt", str(checkpoint)]
        argv += ["--world", str(WORLD), "--suite", "libero_spatial", "--out", out, "--json"]
        assert main([*argv, *words]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else said.err

    return run
