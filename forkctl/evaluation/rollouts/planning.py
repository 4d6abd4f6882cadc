"""From the words of a command to the episodes it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.rollouts.playing import Limits
from forkctl.evaluation.rollouts.rollout import Plan
from forkctl.evaluation.rollouts.trials import (
    Shard,
    choose_init_states,
    choose_tasks,
    suite_of_data,
    trials_from_demos,
    trials_from_init_states,
)
from forkctl.libero.suites import SUITES, get_suite

TRIALS = 50


@dataclass(frozen=True)
class Asked:
    """None where nothing was said."""

    label: str
    suite: str | None
    tasks: str | None
    trials: int | None
    init_states: str | None
    data: Path | None
    max_steps: int | None
    horizon: int | None
    seed: int


def make_plan(asked: Asked, *, shard: Shard, workers: int, video: str, retry_errors: bool) -> Plan:
    if asked.suite is None and asked.data is None:
        raise UsageError("which suite?", hint=f"--suite, one of {', '.join(SUITES)}.")
    if asked.data is not None and asked.init_states is not None:
        raise UsageError(
            "--init-states do not go with --data",
            hint="leave them out: replay begins as its demos did",
        )
    suite = get_suite(asked.suite) if asked.suite else suite_of_data(_given(asked.data))
    tasks = choose_tasks(suite, asked.tasks)
    init_states = choose_init_states(asked.init_states)
    if asked.data is None:
        trials = trials_from_init_states(tasks, asked.trials or TRIALS, init_states, asked.seed)
    else:
        trials = trials_from_demos(asked.data, tasks, asked.trials, asked.seed)
    return Plan(
        asked.label,
        suite.name,
        trials,
        init_states,
        Limits(asked.max_steps or suite.max_steps, asked.horizon),
        asked.seed,
        shard,
        asked.data,
        workers,
        video,
        retry_errors,
    )


def _given(data: Path | None) -> Path:
    assert data is not None
    return data
