from __future__ import annotations

import json
from pathlib import Path

import pytest
from workbench import Bench, Upstream, entry, git

from forkctl.forks.manifest import Entrypoint
from forkctl.patching.series.check import missing_words

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
def bench(bench: Bench, upstream: Upstream) -> Bench:
    bench.pin = upstream.commit({"train.py": TRAIN})
    bench.write({"patches/thing/0001-add.yaml": PATCH})
    bench.manifest(entry(upstream, bench.pin, series=["thing"], extra=ENTRY))
    bench.ok("sync")
    bench.ok("apply")
    return bench


def test_holds_without_any_tree(bench: Bench) -> None:
    bench.ok("clean", "thing")
    (row,) = json.loads(bench.ok("check", "--json"))
    assert row["outcome"] == "holds"
    assert row["patches"] == {"thing/0001-add.yaml": "clean"}
    assert row["commit"] in (bench.root / "forks.lock").read_text()
    assert not bench.tree().exists()


def test_a_changed_patch_is_not_what_the_lock_has(bench: Bench) -> None:
    bench.write({"patches/thing/0001-add.yaml": PATCH.replace("FIRST", "OTHER")})
    assert bench.run("check") == 1
    assert "thing/0001-add.yaml" in bench.err


def test_a_lock_with_other_ids(bench: Bench) -> None:
    lock = bench.root / "forks.lock"
    lock.write_text(lock.read_text().replace(bench.head(), "a" * 40))
    assert bench.run("check") == 1
    assert "aaaaaaaaaaaa" in bench.err


def test_a_patch_that_does_not_apply(bench: Bench) -> None:
    bench.write({"patches/thing/0001-add.yaml": PATCH.replace("LAST = 1", "LAST = 2")})
    assert bench.run("check") == 1
    assert "0001-add.yaml: gone" in bench.err


@pytest.mark.parametrize("word", ["--dataset", "--lr"])
def test_a_flag_that_vanished(bench: Bench, upstream: Upstream, word: str) -> None:
    bench.manifest(
        entry(upstream, bench.pin, series=["thing"], extra=ENTRY.replace("--config", word))
    )
    assert bench.run("check") == 1
    assert word in bench.err


def test_other_revisions(bench: Bench, upstream: Upstream) -> None:
    upstream.commit({"train.py": TRAIN + "MORE = 1\n"})
    git(upstream.path, "tag", "good")
    upstream.commit({"train.py": TRAIN.replace("LAST", "FINAL")})
    bench.ok("check", "thing", "--at", "good")
    assert bench.run("check", "thing", "--head") == 1
    bench.ok("check", "thing", "--at", bench.pin)
    assert bench.run("check", "thing", "--at", "no-such") == 1
    bench.ok("check")


def test_what_cannot_be_reached_is_said_so(
    bench: Bench, upstream: Upstream, tmp_path: Path
) -> None:
    bench.manifest(
        entry(upstream, bench.pin, series=["thing"], extra=ENTRY),
        entry(f"file://{tmp_path}/gone", bench.pin, name="lost"),
    )
    bench.ok("check")
    assert "not checked: lost" in bench.out
    assert bench.run("check", "--strict") == 1


def test_flags_are_words_of_the_program_not_of_its_comments() -> None:
    def missing(*flags: str, keys: tuple[str, ...] = ()) -> list[str]:
        return missing_words(Entrypoint("train.py", "plain", flags, keys), TRAIN.encode())

    assert missing("--config", "--lora_rank", keys=("config.lora_rank",)) == []
    assert missing("--dataset", keys=("train.dropout",)) == [
        "the flag --dataset", "the key train.dropout",
    ]  # fmt: skip
    assert missing_words(Entrypoint("gone.py", "plain", (), ()), None) == ["the file gone.py"]
