from __future__ import annotations

import socket
from pathlib import Path

import pytest

from forkctl.errors import UsageError
from forkctl.training.records import Run, RunRecord, link_checkpoints, new_folder, now
from forkctl.training.secrets import masked


def a_run(folder: Path) -> Run:
    record = RunRecord(
        fork="rdt",
        kind="rdt",
        name="a",
        started=now(),
        command=(),
        cwd=str(folder),
        fork_state={},
        environment={},
        data={},
        checkpoint=None,
        config="a.yaml",
        steps=None,
        host=socket.gethostname(),
    )
    return Run(folder, record)


@pytest.mark.parametrize(
    "name",
    ["../up", "a/b", "/abs", "..", ".git", "a\\b", "", " ", "-o", "a\nb", "x" * 300, "é" * 60],
)
def test_a_run_stays_in_its_folder_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        new_folder(tmp_path / "workspace", "thing", name)
    assert not any(tmp_path.iterdir())


def test_names_that_people_give_are_taken(tmp_path: Path) -> None:
    for name in ("libero_spatial", "lr 1e-4", "a.b+c=2", "größer"):
        assert new_folder(tmp_path, "thing", name).parent == tmp_path / "runs" / "thing"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["hub.token=abc"], "hub.token=***"),
        (["--wandb-api-key", "abc"], "--wandb-api-key ***"),
        (["train.password=1"], "train.password=***"),
        (["x=hf_abcdefghijklmnopqrst"], "x=***"),
        (["url=https://me:pw@host/x"], "url=https://***@host/x"),
        (["max_tokens=9", "--tokenizer", "t5", "pad_token_id=0"],) * 2,
        (["--token", "--lr", "3"],) * 2,
    ],
)
def test_records_keep_no_secrets(words: list[str], kept: str | list[str]) -> None:
    assert " ".join(masked(words)) == (kept if isinstance(kept, str) else " ".join(kept))


def test_links_to_checkpoints_come_and_go_with_what_upstream_keeps(tmp_path: Path) -> None:
    saved = [tmp_path / "upstream" / f"checkpoint-{step}" for step in (1, 2)]
    for path in saved:
        path.mkdir(parents=True)
    run = a_run(tmp_path)
    link_checkpoints(run, saved)
    assert sorted(link.name for link in run.checkpoints.iterdir()) == [path.name for path in saved]
    saved[0].rmdir()
    link_checkpoints(run, saved[1:])
    assert [link.name for link in run.checkpoints.iterdir()] == ["checkpoint-2"]
