"""Demonstrations replayed through each fork's conventions, right and with one mistake each.

    python -m benchmarks.replay_table --data DEMOS --trials 50 --fault-trials 20

DEMOS is a folder that `forkctl demos` made. Every row is one `forkctl eval rollout
baseline:replay`, with a record of its own under --out, so an interrupted table goes on where it
was. --trials and --fault-trials are of each task.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from forkctl.cli import main as forkctl
from forkctl.evaluation.rollouts.channels import CHANNELS


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
        more = ["--trials", str(trials), "--workers", str(words.workers)]
        more += ["--max-steps", str(words.max_steps)]
        rate = replayed(channel, fault, words.data, words.out, more)
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
    channel: str, fault: str | None, data: Path, out: Path, more: list[str]
) -> dict[str, float]:
    argv = ["eval", "rollout", "baseline:replay", "--data", str(data), "--through", channel]
    argv += [*more, "--json"]
    argv += ["--out", str(out / (f"{channel}-{fault}" if fault else channel))]
    argv += ["--fault", fault] if fault else []
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = forkctl(argv)
    if code:
        sys.exit(code)
    overall: dict[str, float] = json.loads(said.getvalue())["overall"]
    return overall


if __name__ == "__main__":
    raise SystemExit(main())
