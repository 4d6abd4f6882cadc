"""Kill a closed-loop evaluation at random moments, and compare what it ends with.

    python -m tests.e2e.rollout_kills --kills 20
    python -m tests.e2e.rollout_kills --kills 20 --simulator

An evaluation runs undisturbed first. The same one is then killed again and again (SIGKILL to
forkctl alone, SIGKILL to its process group, SIGINT, in turn), each time after a random time, and
resumed, until it has been killed often enough or is done; the last call runs to the end. Both
records must hold the same episodes with the same outcomes, each once. Without --simulator the
world is the tests' point; with it, LIBERO's first task of libero_spatial and the random policy.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests import ROOT

POINT = ROOT / "tests/evaluation/rollouts"
Key = tuple[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--simulator", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    random.seed(words.seed)
    with tempfile.TemporaryDirectory(prefix="forkctl-kills-") as scratch:
        command, longest = evaluation(Path(scratch), words.simulator)
        began = time.monotonic()
        subprocess.run([*command, "--out", f"{scratch}/whole"], check=True, stdout=2)
        print(f"undisturbed: {time.monotonic() - began:.0f} s")
        whole = episodes(Path(scratch) / "whole")
        disturb([*command, "--out", f"{scratch}/killed"], Path(scratch), words.kills, longest)
        killed = episodes(Path(scratch) / "killed")
    same = killed == whole
    print(f"{len(whole)} episodes; {'the same' if same else 'NOT THE SAME'} after the kills")
    return 0 if same else 1


def evaluation(scratch: Path, simulator: bool) -> tuple[list[str], float]:
    """The command, and the longest time that it is left alone."""
    command = [sys.executable, "-m", "forkctl", "eval", "rollout"]
    os.environ["PYTHONPATH"] = str(ROOT)
    suite = ["--suite", "libero_spatial", "--jobs", "2"]
    if simulator:
        limits = ["--tasks", "0,1", "--trials", "40", "--max-steps", "25"]
        return [*command, "baseline:random", *suite, *limits], 25.0
    checkpoint = scratch / "point.json"
    checkpoint.write_text(json.dumps({"skill": 0.6}))
    os.environ["POINT_WORLD_DELAY"] = "0.01"
    command += ["--policy", str(POINT / "point_policy.py"), "--ckpt", str(checkpoint)]
    command += [
        "--world",
        str(POINT / "point_world.py"),
        *suite,
        "--trials",
        "20",
        "--max-steps",
        "30",
    ]
    return command, 3.0


def disturb(command: list[str], scratch: Path, kills: int, longest: float) -> None:
    for number in range(kills):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        done = ends_before(process, moment(scratch / "killed", number, longest))
        if not done:
            if number % 3 == 0:
                process.kill()
            else:
                how = signal.SIGKILL if number % 3 == 1 else signal.SIGINT
                os.killpg(process.pid, how)
            process.wait()
        there = len(episodes(scratch / "killed"))
        print(f"kill {number + 1}: {'it was done' if done else f'{there} episodes there'}")
        if done:
            break
    subprocess.run(command, check=True, stdout=2)


def moment(folder: Path, number: int, longest: float) -> Callable[[], bool]:
    """When to kill: one time in four at any time, else a little after some more episodes."""
    until = time.monotonic() + random.uniform(0.2, longest)
    if number % 4 == 0:
        return lambda: time.monotonic() > until
    wanted = len(episodes(folder)) + random.randint(1, 10)
    rest = random.uniform(0, 0.3)

    def reached() -> bool:
        if len(episodes(folder)) < wanted:
            return False
        time.sleep(rest)
        return True

    return reached


def ends_before(process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> bool:
    while process.poll() is None:
        if reached():
            return process.poll() is not None
        time.sleep(0.02)
    return True


def episodes(folder: Path) -> dict[Key, dict[str, object]]:
    """What became of each episode; no episode may be there twice."""
    record = folder / "episodes.jsonl"
    if not record.exists():
        return {}
    content = record.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].splitlines()[1:]
    found: dict[Key, dict[str, object]] = {}
    for line in map(json.loads, lines):
        key = (line["task"], line["trial"])
        if key in found:
            raise SystemExit(f"{key} is there twice")
        found[key] = {name: line[name] for name in line if name != "seconds"}
    return found


if __name__ == "__main__":
    raise SystemExit(main())
