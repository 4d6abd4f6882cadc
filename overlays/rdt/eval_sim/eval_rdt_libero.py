"""Success rates of an RDT checkpoint on LIBERO, for an environment that holds both of them.

    python eval_sim/eval_rdt_libero.py --checkpoint RUN/checkpoints/checkpoint-5000 \\
        --benchmark libero_spatial --trials 20 --record_video videos

`forkctl eval rollout rdt` does the same with two environments, many worlds at once, and a record
that can be resumed. Policy, protocol and counting are the same code in both.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.policy import Conventions, Prediction, Query
from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome as Result
from forkctl.evaluation.rollouts.playing import ERROR, Limits, play
from forkctl.evaluation.rollouts.rates import Rate, by_task, rate
from forkctl.evaluation.rollouts.trials import (
    ALL_INIT_STATES,
    Trial,
    choose_tasks,
    trials_from_init_states,
)
from forkctl.evaluation.rollouts.videos import ALL, NONE, Videos
from forkctl.families.rdt import worker
from forkctl.libero.suites import SUITES, get_suite

SETTLE_STEPS = 10
IMAGE_SIZE = 128


@dataclass(frozen=True)
class HerePolicy:
    """The worker's policy, asked without a pipe."""

    asked: Any

    @property
    def conventions(self) -> Conventions:
        return Conventions.from_json(self.asked.conventions)

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        observations = [dict(query.observation) for query in queries]
        answers = self.asked.predict(observations, [each.instruction for each in queries], seed)
        return [Prediction(answer["actions"]) for answer in answers]


class HereWorld:
    """A world of forkctl.evaluation.worlds, asked without a pipe."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._task: str | None = None
        self._world: Any = None

    @property
    def versions(self) -> Mapping[str, str]:
        return self._world.versions if self._world is not None else {}

    def open(self, task: str) -> None:
        if task != self._task:
            self.close()
            options = {"image_size": IMAGE_SIZE, "reflection": True}
            self._world, self._task = self._module.open_world(task, options), task

    def reset(self, trial: Trial, keys: Sequence[str]) -> Mapping[str, Any]:
        start = {"init_state": trial.start.init_state, "settle": SETTLE_STEPS}
        self._world.reset(start, trial.seed)
        return self._world.observe(keys)

    def step(self, action: Any, keys: Sequence[str]) -> tuple[bool, Mapping[str, Any]]:
        done = bool(self._world.step(action))
        return done, (self._world.observe(keys) if keys else {})

    def close(self) -> None:
        if self._world is not None:
            self._world.close()
            self._world = self._task = None


def evaluate(
    policy: HerePolicy, world: HereWorld, trials: Sequence[Trial], limits: Limits, videos: Videos
) -> Iterator[Result]:
    """An exception is the episode's own: it is counted apart from failures, and the next begins in
    a new world."""
    for trial in trials:
        began = time.monotonic()
        outcome, steps, error = ERROR, 0, None
        with videos.of(trial) as video:
            try:
                world.open(trial.task)
                played = play(world, policy, trial, limits, video.frame)
                outcome, steps = played.outcome, played.steps
            except Exception as caught:
                error = f"{type(caught).__name__}: {caught}"
                world.close()
            video.ends(outcome)
        yield Result(
            trial.task,
            trial.number,
            trial.start.init_state,
            trial.seed,
            outcome,
            steps,
            error,
            dict(world.versions),
            round(time.monotonic() - began, 2),
        )


def print_table(results: Sequence[Result], tasks: Sequence[str]) -> None:
    width = max(len(task) for task in (*tasks, "all"))
    print(f"{'task':{width}}  success           95 %   errors")
    for name, found in {**by_task(results, tasks), "all": rate(results)}.items():
        print(f"{name:{width}}  {_line(found)}")


def _line(found: Rate) -> str:
    low, high = found.interval
    share = "    -" if found.value is None else f"{found.value:5.1%}"
    return f"{share} ({found.successes}/{found.trials})  {low:.2f}-{high:.2f}  {found.errors}"


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--checkpoint", required=True, help="folder with forkctl.json beside it")
    parser.add_argument("--benchmark", default="libero_spatial", choices=tuple(SUITES))
    parser.add_argument("--tasks", help="0,3,7 or parts of names; default: all")
    parser.add_argument("--trials", type=int, default=20, help="of each task")
    parser.add_argument("--max_steps", type=int, help="default: the benchmark's own cap")
    parser.add_argument("--execute", type=int, help="of 64 actions, before replanning; default: 8")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record_video", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    parser.add_argument("--world", default="libero", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def world_module(name: str) -> Any:
    if not name.endswith(".py"):
        return importlib.import_module("forkctl.simulation.libero_world")
    spec = importlib.util.spec_from_file_location("world", name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(words: Sequence[str] | None = None) -> int:
    asked = parsed(words)
    suite = get_suite(asked.benchmark)
    try:
        tasks = choose_tasks(suite, asked.tasks)
        policy = HerePolicy(worker.load(asked.checkpoint, asked.device, {}))
    except ForkctlError as error:
        raise SystemExit(f"error: {error}") from None
    trials = trials_from_init_states(tasks, asked.trials, ALL_INIT_STATES, asked.seed)
    videos = Videos(asked.record_video or Path(), ALL if asked.record_video else NONE)
    limits = Limits(asked.max_steps or suite.max_steps, asked.execute)
    world = HereWorld(world_module(asked.world))
    results = []
    for result in evaluate(policy, world, trials, limits, videos):
        results.append(result)
        print(f"{result.task} {result.trial}: {result.error or result.outcome}", flush=True)
    world.close()
    print_table(results, tasks)
    if asked.out is not None:
        asked.out.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
