"""`forkctl demos`: what to ask of the simulator, and what it says while it works."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forkctl.environments.process_group import end_group, interrupted_by_signals
from forkctl.environments.simulator import Simulator
from forkctl.errors import ForkctlError, UsageError
from forkctl.libero.suites import get_suite
from forkctl.simulation.expert.goals import refused_tasks, supported_tasks


def choose_tasks(suite: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """The suite's tasks that the expert can do; those of `wanted`, by name or number from 0."""
    every = get_suite(suite).tasks
    refused = refused_tasks(suite)
    if not wanted:
        tasks = supported_tasks(suite)
        if not tasks:
            raise UsageError(
                f"the expert can do no task of {suite}",
                where=f"{len(refused)} tasks",
                hint="libero_spatial, libero_object, and six tasks of libero_goal",
            )
        return tasks
    return tuple(dict.fromkeys(_chosen(name, every, refused, suite) for name in wanted))


def _chosen(name: str, every: Sequence[str], refused: Mapping[str, str], suite: str) -> str:
    task = every[int(name)] if name.isdigit() and int(name) < len(every) else name
    if task not in every:
        raise UsageError(
            f"{suite} has no task {name!r}",
            hint="a task's name, or its number from 0; `forkctl data inspect` lists them",
        )
    if task in refused:
        raise UsageError(
            f"the expert cannot do this task: it takes {refused[task]}",
            where=task,
            hint=f"tasks of {suite} it can do: {', '.join(supported_tasks(suite)) or 'none'}",
        )
    return task


def make_demos(simulator: Simulator, question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What `forkctl.simulation.demos` says, line by line; its errors as ours.

    Its workers end with this, whatever the reason: they are one process group.
    """
    with interrupted_by_signals():
        process = subprocess.Popen(
            simulator.command("demos"),
            env=dict(simulator.variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(question).encode())
            process.stdin.close()
            for line in process.stdout:
                said = json.loads(line)
                if said["kind"] == "error":
                    raise ForkctlError(said["message"], where=said["where"], hint=said["hint"])
                yield said
            if process.wait() != 0:
                raise ForkctlError(
                    f"the simulator ended with exit {process.returncode}",
                    hint="its own words are above; run the same command again to go on",
                )
        finally:
            end_group(process)


def question_for(
    folder: Path, tasks: Sequence[str], demos: int, seed: int, workers: int, **recording: Any
) -> dict[str, Any]:
    return {
        "folder": str(folder.absolute()),
        "tasks": list(tasks),
        "demos": demos,
        "seed": seed,
        "workers": workers,
        "compress": recording.pop("compress"),
        "recording": recording,
    }
