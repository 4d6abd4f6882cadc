"""Demonstrations replayed through each fork's conventions, right and with one mistake each.

    python -m benchmarks.replay_table --data DEMOS --trials 50 --mistake-trials 20
    python -m benchmarks.replay_table --data DEMOS rdt-delta rdt-delta:metres-twice

DEMOS is a folder that `forkctl demos` made; trials are per task. Each row is a rollout with its own
record under --out, so an interrupted table resumes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.channels import CHANNELS, ReplayThrough
from forkctl.environments.simulator import find_simulator
from forkctl.evaluation.policies.choice import PolicyChoice
from forkctl.evaluation.rollouts.remote_world import WorldOptions, simulator_source
from forkctl.evaluation.rollouts.request import RolloutRequest
from forkctl.evaluation.rollouts.rollout import open_rollout, setup_of
from forkctl.forks.workspace import find_workspace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="CHANNEL[:MISTAKE]", help="default: all")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--mistake-trials", type=int, default=20)
    parser.add_argument("--max-steps", type=int, default=220)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sim-env", metavar="PATH")
    parser.add_argument("--out", type=Path, default=Path("runs/eval/replay-table"))
    words = parser.parse_args()
    print("| actions go through | mistake | success | 95 % interval |")
    print("|---|---|---|---|", flush=True)
    for row in words.rows or every_row():
        channel, _, mistake = row.partition(":")
        rate = replayed(channel, mistake or None, words)
        name = "" if mistake else f"{channel}: {CHANNELS[channel].summary}"
        share = f"{rate['successes']} of {rate['trials']}"
        if rate["errors"]:
            share += f", {rate['errors']} errors"
        interval = f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f} %"
        print(f"| {name} | {mistake} | {share} | {interval} |", flush=True)
    return 0


def every_row() -> Iterator[str]:
    for name, channel in CHANNELS.items():
        yield name
        yield from (f"{name}:{mistake}" for mistake in channel.mistakes)


def replayed(channel: str, mistake: str | None, words: argparse.Namespace) -> Mapping[str, Any]:
    request = RolloutRequest(
        PolicyChoice("baseline:replay"),
        trials=words.mistake_trials if mistake else words.trials,
        data=words.data,
        max_steps=words.max_steps,
        jobs=words.jobs,
    )
    settings = request.settings()
    source = ReplayThrough(settings.trials, channel, mistake)
    worlds = simulator_source(find_simulator(find_workspace(), words.sim_env), WorldOptions())
    out = words.out / (f"{channel}-{mistake}" if mistake else channel)
    with open_rollout(settings, setup_of(settings, source, worlds), out) as opened:
        return opened.play(source, worlds, out, lambda outcome: None).rate.to_json()


if __name__ == "__main__":
    raise SystemExit(main())
