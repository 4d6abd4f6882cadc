from __future__ import annotations

from typing import Any

import pytest

from forkctl.checks import CheckStatus
from forkctl.family import ConfigKeys, Launcher
from forkctl.training.batches import Batch, check_batch, with_processes


class Trainer(Launcher):
    keys = ConfigKeys(processes="processes", batch="flags.batch", accumulation="flags.times")


class Silent(Launcher):
    keys = ConfigKeys(processes="processes")


def config(batch: int = 16, times: int = 8, **more: Any) -> dict[str, Any]:
    return {"flags": {"batch": batch, "times": times}, **more}


@pytest.mark.parametrize(
    ("batch", "processes", "size", "times"),
    [
        (Batch(16, 8, 1), 8, 16, 1),
        (Batch(16, 8, 1), 2, 16, 4),
        (Batch(4, 4, 1), 8, 2, 1),
        (Batch(16, 1, 8), 1, 16, 8),
        (Batch(6, 7, 1), 2, 3, 7),  # 21 of each: 6 at a time do not divide them
        (Batch(16, 8, 1), 3, 14, 3),  # 128 cannot be shared by three: 126
        (Batch(2, 1, 1), 8, 1, 1),
    ],
)
def test_processes_share_a_step_and_none_takes_more_at_a_time(
    batch: Batch, processes: int, size: int, times: int
) -> None:
    assert batch.over(processes) == Batch(size, times, processes)


def test_more_processes_do_not_make_a_larger_step() -> None:
    told = with_processes(Trainer(), config(processes=1), 8)
    assert told == config(16, 1, processes=8)
    (found,) = check_batch(Trainer(), config(processes=1), told)
    assert found.status is CheckStatus.OK
    assert found.text == "128 samples a step: 16 at a time, 1 times, in 8 processes"


@pytest.mark.parametrize("changed", [config(16, 8, processes=8), config(14, 3, processes=3)])
def test_a_step_of_another_size_is_said(changed: dict[str, Any]) -> None:
    (found,) = check_batch(Trainer(), config(), changed)
    assert found.status is CheckStatus.WARNING
    assert found.text.endswith("; the config has 128")


def test_a_kind_of_fork_without_such_keys_is_told_its_processes_alone() -> None:
    told = with_processes(Silent(), config(), 8)
    assert told == config(processes=8)
    assert check_batch(Silent(), config(), told) == []
    assert check_batch(Trainer(), {}, {"flags": {}}) == [], "upstream's own default"
