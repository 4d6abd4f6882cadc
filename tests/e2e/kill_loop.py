"""Kill `forkctl sync` and `forkctl apply` at random moments, and see what a rerun makes of it.

    python -m tests.e2e.kill_loop --trials 200

Each trial changes what the fork should be, starts the two commands, ends them after a random time
(SIGINT or SIGKILL to the process group, or SIGKILL to forkctl alone, so that git lives on), looks
at the tree, and runs both again: they must end in the right commit, within a time limit, with the
person's files as they were.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.driver import Upstream, Workspace, entry

BOTH = """
import sys
from forkctl.cli import main

sys.exit(main(["sync"]) or main(["apply"]))
"""
LIMIT = 60.0
WAYS = ("SIGINT to the group", "SIGKILL to the group", "SIGKILL to forkctl alone")


@dataclass
class Report:
    trials: int = 0
    interrupted: Counter[str] = field(default_factory=Counter)
    journals: int = 0
    half_built: int = 0
    faults: list[str] = field(default_factory=list)


class Yard(Workspace):
    """A workspace whose one fork goes back and forth between states, beside its upstream."""

    def __init__(self, root: Path, files: int = 120) -> None:
        super().__init__(root / "workspace", variables={"FORKCTL_CACHE": str(root / "cache")})
        self.cache, self.files = root / "cache", files
        self.upstream = Upstream(root / "upstream")
        self.pins = [self.upstream.commit(self._revision(number)) for number in (0, 1)]

    def _revision(self, number: int) -> dict[str, str | None]:
        made: dict[str, str | None] = {
            f"pkg/part{index % 7}/file{index}.py": f"VALUE = {number}\n"
            + f"# {index}\n" * 50
            + "LAST = 1\n"
            for index in range(self.files)
        }
        gone = {"only0.txt": None} if number else {}
        return {**made, **gone, f"only{number}.txt": "x\n", ".gitignore": "*.ckpt\n"}

    def want(self, state: int) -> None:
        """One of eight states: two pins, two overlays, two series."""
        pin, overlay, series = state & 1, state >> 1 & 1, state >> 2 & 1
        self.manifest(entry(self.upstream, self.pins[pin], series=["thing"], overlays=["thing"]))
        self.write({"overlays/thing/pkg/ours.py": f"OURS = {overlay}\n"})
        for index in range(0, self.files, 8):
            patch = (
                f"subject: Add to {index}\nwhy: To have it.\nfiles:\n"
                f"  - file: pkg/part{index % 7}/file{index}.py\n    edits:\n      - id: one\n"
                f"        match: LAST = 1\n        insert_before: ADDED = {series}\n"
            )
            self.write({f"patches/thing/{index:04}-add.yaml": patch})

    def both(self) -> subprocess.Popen[str]:
        """`sync && apply` in one process, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", BOTH],
            cwd=self.root,
            env=self.variables,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def reach(self, state: int) -> str:
        """The commit that the state ends in."""
        self.want(state)
        child = self.both()
        out, _ = child.communicate(timeout=LIMIT)
        assert child.returncode == 0, out
        return self.head()

    def tree_git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.tree()), *args],
            env=self.variables,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() if done.returncode == 0 else f"error: {done.stderr}"


def end(child: subprocess.Popen[str], way: str) -> None:
    if way == WAYS[2]:
        child.kill()
    else:
        number = signal.SIGINT if way == WAYS[0] else signal.SIGKILL
        os.killpg(child.pid, number)


def run_trials(trials: int, seed: int, say: bool = False) -> Report:
    chance, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory(prefix="forkctl-kill-") as folder:
        yard = Yard(Path(folder))
        commits = [yard.reach(state) for state in range(8)]
        assert len(set(commits)) == 8
        span = _duration(yard)
        for trial in range(trials):
            if chance.random() < 0.15:
                shutil.rmtree(yard.root / "forks", ignore_errors=True)
            if chance.random() < 0.1:
                shutil.rmtree(yard.cache, ignore_errors=True)
            mine = yard.tree() / "pkg/mine.ckpt"
            if mine.parent.is_dir():
                mine.write_text("weeks of work")
            had_mine = mine.exists()
            yard.want(state := chance.randrange(8))
            way = chance.choice(WAYS)
            child = yard.both()
            time.sleep(chance.uniform(0.03, span * 1.1))
            ended = child.poll() is None
            if ended:
                end(child, way)
                report.interrupted[way] += 1
            report.journals += (yard.tree() / ".git/forkctl/switch.json").exists()
            report.half_built += (yard.root / "forks/.forkctl").exists()
            fault = _fault_after(yard, commits[state], mine if had_mine else None)
            child.communicate()
            report.trials += 1
            if fault:
                report.faults.append(f"trial {trial} (seed {seed}), {way}: {fault}")
            if say and trial % 20 == 19:
                print(f"{trial + 1} trials, {len(report.faults)} faults", flush=True)
    return report


def _duration(yard: Yard) -> float:
    shutil.rmtree(yard.root / "forks")
    began = time.monotonic()
    yard.both().communicate(timeout=LIMIT)
    return time.monotonic() - began


def _fault_after(yard: Yard, expected: str, mine: Path | None) -> str | None:
    again = yard.both()
    try:
        out, _ = again.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(again.pid, signal.SIGKILL)
        again.communicate()
        return f"the rerun hangs for {LIMIT:.0f} s"
    if again.returncode:
        return f"the rerun exits {again.returncode}: {out}"
    if (head := yard.tree_git("rev-parse", "HEAD")) != expected:
        return f"the rerun ends at {head}, not {expected}"
    if changed := yard.tree_git("status", "--porcelain"):
        return f"the tree is not clean: {changed}"
    # the index may be wrong about the disk in a way that status believes: compare content
    if differing := yard.tree_git("-c", "core.checkStat=minimal", "diff", "--no-ext-diff", "HEAD"):
        return f"the tree is not the commit: {differing[:200]}"
    if "error" in (fsck := yard.tree_git("fsck", "--no-dangling")):
        return f"fsck: {fsck}"
    if mine is not None and (not mine.exists() or mine.read_text() != "weeks of work"):
        return "a file of the person is gone"
    if left := [p.name for p in (yard.root / "forks").iterdir() if p.name != "thing"]:
        return f"litter: {left}"
    return None


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(argv)
    report = run_trials(chosen.trials, chosen.seed, say=True)
    print(f"{report.trials} trials, {sum(report.interrupted.values())} interrupted:")
    for way, count in report.interrupted.items():
        print(f"  {way}: {count}")
    print(f"  in the middle of a switch: {report.journals}, of building: {report.half_built}")
    print(f"{len(report.faults)} faults", *report.faults, sep="\n  ")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
