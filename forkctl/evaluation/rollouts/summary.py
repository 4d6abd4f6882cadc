"""From records to rates. Needs neither policy nor simulator."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from forkctl.environments.simulator import renders_dark_floors
from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome, Key
from forkctl.evaluation.rollouts.rates import Rate, by_task, rate
from forkctl.evaluation.rollouts.remote_world import FRAMES, LIBERO_WORLD, TRAINED_ON
from forkctl.libero.suites import get_suite

TRIALS = 50  # of each task, one for each initial state
SETTLE = 10
SCHEMA = 1  # of the JSON


@dataclass(frozen=True)
class PublishedRate:
    """What others report of a suite."""

    policy: str
    source: str
    protocol: str
    percent: float


@dataclass(frozen=True)
class RolloutSummary:
    """`missing` are episodes that were asked for and have not been played yet."""

    setup: Mapping[str, Any]
    results: tuple[EpisodeOutcome, ...]
    missing: tuple[Key, ...]

    @property
    def suite(self) -> str:
        return str(self.setup["suite"])

    @property
    def rate(self) -> Rate:
        return rate(self.results)

    @property
    def tasks(self) -> Mapping[str, Rate]:
        """In the suite's order."""
        found = {result.task for result in self.results}
        known = [task for task in get_suite(self.suite).tasks if task in found]
        return by_task(self.results, known + sorted(found.difference(known)))

    @property
    def errors(self) -> tuple[EpisodeOutcome, ...]:
        """The simulator's, and the policy's own."""
        return tuple(result for result in self.results if result.error is not None)

    @property
    def devices(self) -> tuple[str, ...]:
        """Of the policy; another for each shard, maybe."""
        return tuple(sorted({result.device for result in self.results} - {""}))

    @property
    def versions(self) -> tuple[Mapping[str, str], ...]:
        """Of the simulators that it was played in; more than one if shards had different ones."""
        distinct = {json.dumps(result.world, sort_keys=True) for result in self.results}
        return tuple(json.loads(text) for text in sorted(distinct))

    @property
    def departures(self) -> tuple[str, ...]:
        """Where this is not the benchmark as others report it: rates do not compare."""
        setup, suite = self.setup, get_suite(self.suite)
        world, per_task = setup["world"], Counter(result.task for result in self.results)
        fewest = min(per_task.values(), default=0)
        said = (
            (
                world["kind"] != LIBERO_WORLD,
                f"in {world['kind']}, not LIBERO's simulator",
            ),
            (setup["start"] != "init states", "episodes began where demonstrations did"),
            (len(per_task) < len(suite.tasks), f"{len(per_task)} of {len(suite.tasks)} tasks"),
            (fewest < TRIALS, f"{fewest} trials of a task, not {TRIALS}"),
            (
                setup["max_steps"] != suite.max_steps,
                f"at most {setup['max_steps']} steps, not {suite.max_steps}",
            ),
            (world["settle"] != SETTLE, f"{world['settle']} steps at rest, not {SETTLE}"),
            (not world["reflection"], "no reflections"),
        )
        sizes = {
            (each.get(FRAMES), each.get(TRAINED_ON, each.get(FRAMES))) for each in self.versions
        }
        frames = [f"frames of {now}, in training {then}" for now, then in sizes if now != then]
        return (*(text for differs, text in said if differs), *sorted(frames))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the rates should know."""
        found = []
        if self.missing:
            found.append(f"{len(self.missing)} episodes are not played yet")
        rate = self.rate
        if rate.errors:
            found.append(f"{rate.errors} episodes ended in an error and count in no rate")
        if rate.policy_errors:
            without = rate.value_without_policy_errors
            also = "" if without is None else f"; without them it would be {100 * without:.1f} %"
            found.append(
                f"in {rate.policy_errors} episodes the policy gave no action: failures{also}"
            )
        if len(self.versions) > 1:
            found.append("the episodes were played in different simulators")
        if any(renders_dark_floors(each.get("mujoco", "0")) for each in self.versions):
            found.append(
                "mujoco 3.3.3 and later render floors darker: image policies that were trained on "
                "published frames do worse there"
            )
        return tuple(found)


def to_json(summary: RolloutSummary) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "setup": dict(summary.setup),
        "suite": summary.suite,
        "overall": summary.rate.to_json(),
        "tasks": {task: each.to_json() for task, each in summary.tasks.items()},
        "missing": [list(key) for key in summary.missing],
        "errors": [[each.task, each.trial, each.error] for each in summary.errors],
        "simulators": list(summary.versions),
        "devices": list(summary.devices),
        "notes": list(summary.notes),
        "departures": list(summary.departures),
        "published": [vars(each) for each in published_rates(summary.suite)],
    }


def published_rates(suite: str) -> Sequence[PublishedRate]:
    text = resources.files(__package__).joinpath("published.json").read_text(encoding="utf-8")
    return [
        PublishedRate(row["policy"], row["source"], row["protocol"], row["rates"][suite])
        for row in json.loads(text)["rows"]
        if suite in row["rates"]
    ]
