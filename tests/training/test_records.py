from __future__ import annotations

import socket
from pathlib import Path

from forkctl.training.records import Run, RunRecord, link_checkpoints, now


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
