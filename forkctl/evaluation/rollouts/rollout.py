"""One call of `forkctl eval rollout`: play what is missing, then count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from forkctl.evaluation.openloop.episodes import find_files
from forkctl.evaluation.openloop.evaluate import digest_of, write_whole
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.rollouts.crew import Crew, Progress
from forkctl.evaluation.rollouts.outcomes import open_record
from forkctl.evaluation.rollouts.playing import Limits
from forkctl.evaluation.rollouts.summary import Evaluation, to_json
from forkctl.evaluation.rollouts.trials import WHOLE, Shard, Trial
from forkctl.evaluation.rollouts.videos import NONE, Videos
from forkctl.evaluation.rollouts.world import WorldSource

RESULTS = "rollout.json"
REPORT = "rollout.html"


@dataclass(frozen=True)
class Plan:
    """What is played, and how. Trials, tasks and shards may grow later; the rest is one setup."""

    label: str
    suite: str
    trials: tuple[Trial, ...]  # of all shards
    init_states: Sequence[int]
    limits: Limits
    seed: int = 0
    shard: Shard = WHOLE
    data: Path | None = None  # the demonstrations that are replayed
    workers: int = 1
    video: str = NONE
    retry_errors: bool = False


def setup_of(plan: Plan, source: PolicySource, worlds: WorldSource) -> dict[str, object]:
    """Everything that an episode's outcome depends on, but the episode itself."""
    return {
        "label": plan.label,
        "suite": plan.suite,
        "policy": dict(source.identity),
        "start": "init states" if plan.data is None else _demonstrations(plan.data),
        "init_states": list(plan.init_states) if plan.data is None else [],
        "world": {"kind": worlds.world, **asdict(worlds.options)},
        **asdict(plan.limits),
        "seed": plan.seed,
    }


def _demonstrations(data: Path) -> list[list[object]]:
    return [[file.name, file.stat().st_size] for file in find_files(data)]


def default_out(plan: Plan, setup: Mapping[str, object]) -> Path:
    """The same words land in the same folder."""
    return Path("runs") / "eval" / f"{plan.label}-rollout-{digest_of(setup)}"


def run(
    plan: Plan,
    source: PolicySource,
    worlds: WorldSource,
    setup: Mapping[str, object],
    out: Path,
    progress: Progress,
) -> Evaluation:
    """Play this shard's episodes that are in no record yet, and count the shard."""
    mine = plan.shard.of(plan.trials)
    with open_record(out / plan.shard.record, setup) as record:
        there = record.keys_without_errors if plan.retry_errors else record.keys
        left = [trial for trial in mine if trial.key not in there]
        if left:
            videos = Videos(out / "videos", plan.video)
            Crew(worlds, record, plan.limits, videos, progress).play(left, source, plan.workers)
        return Evaluation(
            json.loads(json.dumps(setup)),
            record.results,
            tuple(trial.key for trial in mine if trial.key not in record.keys),
        )


def left_to_play(plan: Plan, out: Path, setup: Mapping[str, object]) -> int:
    """How many episodes a run would play; a record of another setup is refused at once."""
    mine = plan.shard.of(plan.trials)
    with open_record(out / plan.shard.record, setup) as record:
        there = record.keys_without_errors if plan.retry_errors else record.keys
        return sum(trial.key not in there for trial in mine)


def write_numbers(evaluation: Evaluation, out: Path, shard: Shard) -> Path:
    path = out / (RESULTS if shard.count == 1 else f"rollout-{shard.index + 1}of{shard.count}.json")
    write_whole(path, json.dumps(to_json(evaluation), indent=1) + "\n")
    return path
