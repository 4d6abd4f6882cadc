"""`forkctl demos`: demonstrations made in the simulator's process."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import Any

from forkctl.environments.process_group import end_group, interrupted_by_signals
from forkctl.environments.simulator import Simulator
from forkctl.errors import ForkctlError, UsageError
from forkctl.libero.suites import choose_tasks, get_suite
from forkctl.lifetime import end_with
from forkctl.simulation.expert.goals import refused_tasks, supported_tasks
from forkctl.simulation.request import DemoRequest


def tasks_to_do(suite: str, words: str | None) -> tuple[str, ...]:
    """The tasks that are named, or all that the expert can do; refuses those that it cannot."""
    refused = refused_tasks(suite)
    able = supported_tasks(suite)
    if not able:
        raise UsageError(
            f"the expert can do no task of {suite}",
            where=f"{len(refused)} tasks",
            hint="libero_spatial, libero_object, and six tasks of libero_goal",
        )
    if words is None:
        return able
    chosen = choose_tasks(get_suite(suite), words)
    for task in chosen:
        if task in refused:
            raise UsageError(
                f"the expert cannot do this task: it takes {refused[task]}",
                where=task,
                hint=f"tasks of {suite} it can do: {', '.join(able)}",
            )
    return chosen


def make_demos(simulator: Simulator, request: DemoRequest) -> Iterator[dict[str, Any]]:
    """What `forkctl.simulation.demos` reports, line by line; its errors become ours.

    Its processes end with this one, whatever the reason: they are one process group.
    """
    with interrupted_by_signals():
        process = subprocess.Popen(
            simulator.command("demos"),
            env=dict(simulator.variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=partial(end_with, os.getpid()),
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(request.to_json()).encode())
            process.stdin.close()
            for line in process.stdout:
                said = json.loads(line)
                if said["kind"] == "error":
                    raise ForkctlError(said["message"], where=said["where"], hint=said["hint"])
                yield said
            if process.wait() != 0:
                raise ForkctlError(
                    f"the simulator ended with exit {process.returncode}",
                    hint="its own words are above; run the same command again to resume",
                )
        finally:
            end_group(process)
