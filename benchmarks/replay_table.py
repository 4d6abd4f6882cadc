"""Demonstrations replayed through each fork's conventions, right and with one mistake each.

    python -m benchmarks.replay_table --data DEMOS --trials 50 --fault-trials 20

DEMOS is a folder that `forkctl demos` made. Every row is a rollout of
their own actions, with a record of its own under --out, so an interrupted table goes on where it
was. --trials and --fault-trials are of each task.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.channels import CHANNELS, ReplayThrough
from forkctl.environments.simulator import find_simulator
from forkctl.evaluation.policies.choosing import PolicyChoice
from forkctl.evaluation.rollouts.request import RolloutRequest
from forkctl.evaluation.rollouts.rollout import open_rollout, setup_of
from forkctl.evaluation.rollouts.world import WorldOptions, simulator_source
from forkctl.forks.workspace import find_workspace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--fault-trials", type=int, default=20)
    parser.add_argument("--max-steps", type=int, default=220)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/eval/replay-table"))
    words = parser.parse_args()
    print("| actions go through | mistake | success | 95 % interval |")
    print("|---|---|---|---|", flush=True)
    for channel, fault in rows():
        trials = words.trials if fault is None else words.fault_trials
        rate = replayed(channel, fault, words, trials)
        name = f"{channel}: {CHANNELS[channel].summary}" if fault is None else ""
        share = f"{rate['successes']} of {rate['trials']}"
        if rate["errors"]:
            share += f", {rate['errors']} errors"
        interval = f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f} %"
        print(f"| {name} | {fault or ''} | {share} | {interval} |", flush=True)
    return 0


def rows() -> Iterator[tuple[str, str | None]]:
    for name, channel in CHANNELS.items():
        yield name, None
        for fault in channel.faults:
            yield name, fault


def replayed(
    channel: str, fault: str | None, words: argparse.Namespace, trials: int
) -> Mapping[str, Any]:
    choice = PolicyChoice("baseline:replay", None, None)
    request = RolloutRequest(
        choice,
        trials=trials,
        data=words.data,
        max_steps=words.max_steps,
        workers=words.workers,
    )
    settings = request.settings()
    source = ReplayThrough(settings.trials, channel, fault)
    worlds = simulator_source(find_simulator(find_workspace()), WorldOptions())
    out = words.out / (f"{channel}-{fault}" if fault else channel)
    with open_rollout(settings, setup_of(settings, source, worlds), out) as opened:
        return opened.play(source, worlds, out, lambda outcome: None).rate.to_json()


if __name__ == "__main__":
    raise SystemExit(main())
