from __future__ import annotations

import json
from pathlib import Path

import pytest

from forkctl.forks.manifest import Entrypoint
from forkctl.patching.series.check import missing_words
from tests.driver import Upstream, Workspace, entry, git

TRAIN = """\
import argparse
from dataclasses import dataclass


@dataclass
class Config:
    lora_rank: int = 32


parser = argparse.ArgumentParser()
parser.add_argument("--config")  # not --dataset
LAST = 1
"""
PATCH = """\
subject: Add
why: To have it.
files:
  - file: train.py
    edits:
      - id: add
        match: LAST = 1
        insert_before: FIRST = 0
"""
ENTRY = '[fork.thing.entrypoint]\nfile = "train.py"\nkind = "script"\nflags = ["--config"]\n'


@pytest.fixture
def workspace(workspace: Workspace, upstream: Upstream) -> Workspace:
    workspace.pin = upstream.commit({"train.py": TRAIN})
    workspace.write({"patches/thing/0001-add.yaml": PATCH})
    workspace.manifest(entry(upstream, workspace.pin, series=["thing"], extra=ENTRY))
    workspace.ok("sync")
    workspace.ok("apply")
    return workspace


def test_holds_without_any_tree(workspace: Workspace) -> None:
    workspace.ok("clean", "thing")
    (row,) = json.loads(workspace.ok("check", "--json"))
    assert row["outcome"] == "holds"
    assert row["patches"] == {"thing/0001-add.yaml": "clean"}
    assert row["commit"] in (workspace.root / "forks.lock").read_text()
    assert not workspace.tree().exists()


def test_a_changed_patch_is_not_what_the_lock_has(workspace: Workspace) -> None:
    workspace.write({"patches/thing/0001-add.yaml": PATCH.replace("FIRST", "OTHER")})
    assert workspace.run("check") == 1
    assert "thing/0001-add.yaml" in workspace.err


def test_a_lock_with_other_ids(workspace: Workspace) -> None:
    lock = workspace.root / "forks.lock"
    lock.write_text(lock.read_text().replace(workspace.head(), "a" * 40))
    assert workspace.run("check") == 1
    assert "aaaaaaaaaaaa" in workspace.err


def test_a_patch_that_does_not_apply(workspace: Workspace) -> None:
    workspace.write({"patches/thing/0001-add.yaml": PATCH.replace("LAST = 1", "LAST = 2")})
    assert workspace.run("check") == 1
    assert "0001-add.yaml: gone" in workspace.err


@pytest.mark.parametrize("word", ["--dataset", "--lr"])
def test_a_flag_that_vanished(workspace: Workspace, upstream: Upstream, word: str) -> None:
    workspace.manifest(
        entry(upstream, workspace.pin, series=["thing"], extra=ENTRY.replace("--config", word))
    )
    assert workspace.run("check") == 1
    assert word in workspace.err


def test_other_revisions(workspace: Workspace, upstream: Upstream) -> None:
    upstream.commit({"train.py": TRAIN + "MORE = 1\n"})
    git(upstream.path, "tag", "good")
    upstream.commit({"train.py": TRAIN.replace("LAST", "FINAL")})
    workspace.ok("check", "thing", "--at", "good")
    assert workspace.run("check", "thing", "--head") == 1
    workspace.ok("check", "thing", "--at", workspace.pin)
    assert workspace.run("check", "thing", "--at", "no-such") == 1
    workspace.ok("check")


def test_what_cannot_be_reached_is_said_so(
    workspace: Workspace, upstream: Upstream, tmp_path: Path
) -> None:
    workspace.manifest(
        entry(upstream, workspace.pin, series=["thing"], extra=ENTRY),
        entry(f"file://{tmp_path}/gone", workspace.pin, name="lost"),
    )
    workspace.ok("check")
    assert "not checked: lost" in workspace.out
    assert workspace.run("check", "--strict") == 1


def test_flags_are_words_of_the_program_not_of_its_comments() -> None:
    def missing(*flags: str, keys: tuple[str, ...] = ()) -> list[str]:
        return missing_words(Entrypoint("train.py", "plain", flags, keys), TRAIN.encode())

    assert missing("--config", "--lora_rank", keys=("config.lora_rank",)) == []
    assert missing("--dataset", keys=("train.dropout",)) == [
        "the flag --dataset", "the key train.dropout",
    ]  # fmt: skip
    assert missing_words(Entrypoint("gone.py", "plain", (), ()), None) == ["the file gone.py"]
