"""Kill `forkctl sync` and `forkctl apply` at random moments, and see what a rerun makes of it.

    python tests/e2e/kill_loop.py --trials 200

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

ROOT = Path(__file__).parents[2]
LIMIT = 60.0
WAYS = ("SIGINT to the group", "SIGKILL to the group", "SIGKILL to forkctl alone")


@dataclass
class Report:
    trials: int = 0
    interrupted: Counter[str] = field(default_factory=Counter)
    journals: int = 0
    half_built: int = 0
    faults: list[str] = field(default_factory=list)


class Yard:
    """An upstream with two revisions, and a workspace that goes back and forth between states."""

    def __init__(self, root: Path, files: int = 120) -> None:
        self.root, self.workspace, self.files = root, root / "workspace", files
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FORKCTL_CACHE": str(root / "cache"),
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        self.upstream = root / "upstream"
        self.upstream.mkdir(parents=True)
        self._git("init", "-q", "-b", "main")
        self._git("config", "uploadpack.allowFilter", "true")
        self.pins = [self._commit(0), self._commit(1)]
        (self.workspace / "patches/thing").mkdir(parents=True)
        (self.workspace / "overlays/thing/pkg").mkdir(parents=True)

    def _git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.upstream), *args],
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def _commit(self, number: int) -> str:
        for index in range(self.files):
            path = self.upstream / f"pkg/part{index % 7}/file{index}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"VALUE = {number}\n" + f"# {index}\n" * 50 + "LAST = 1\n")
        (self.upstream / f"only{number}.txt").write_text("x\n")
        (self.upstream / f"only{1 - number}.txt").unlink(missing_ok=True)
        (self.upstream / ".gitignore").write_text("*.ckpt\n")
        self._git("add", "-A")
        self._git("commit", "-qm", f"Revision {number}")
        return self._git("rev-parse", "HEAD")

    def want(self, state: int) -> None:
        """One of eight states: two pins, two overlays, two series."""
        pin, overlay, series = state & 1, state >> 1 & 1, state >> 2 & 1
        (self.workspace / "forks.toml").write_text(
            f'version = 1\n[fork.thing]\ngit = "file://{self.upstream}"\n'
            f'revision = "{self.pins[pin]}"\nseries = ["thing"]\noverlays = ["thing"]\n'
        )
        (self.workspace / "overlays/thing/pkg/ours.py").write_text(f"OURS = {overlay}\n")
        for index in range(0, self.files, 8):
            path = self.workspace / f"patches/thing/{index:04}-add.yaml"
            path.write_text(
                f"subject: Add to {index}\nwhy: To have it.\nfiles:\n"
                f"  - file: pkg/part{index % 7}/file{index}.py\n    edits:\n      - id: one\n"
                f"        match: LAST = 1\n        insert_before: ADDED = {series}\n"
            )

    def start(self, *verbs: str) -> subprocess.Popen[bytes]:
        """The verbs one after the other in one process, as `sync && apply` would run them."""
        code = (
            "import sys; from forkctl.cli import main\n"
            "for verb in sys.argv[1:]:\n    code = main([verb])\n    if code: sys.exit(code)"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, *verbs],
            cwd=self.workspace,
            env=self.env,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def tree_git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.workspace / "forks/thing"), *args],
            env=self.env,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() if done.returncode == 0 else f"error: {done.stderr}"


def expected_commits(yard: Yard) -> list[str]:
    commits = []
    for state in range(8):
        yard.want(state)
        child = yard.start("sync", "apply")
        out, _ = child.communicate(timeout=LIMIT)
        assert child.returncode == 0, out.decode()
        commits.append(yard.tree_git("rev-parse", "HEAD"))
    assert len(set(commits)) == 8
    return commits


def end(child: subprocess.Popen[bytes], way: str) -> None:
    if way == WAYS[2]:
        child.kill()
    else:
        number = signal.SIGINT if way == WAYS[0] else signal.SIGKILL
        os.killpg(child.pid, number)


def run_trials(trials: int, seed: int, say: bool = False) -> Report:
    chance, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory(prefix="forkctl-kill-") as folder:
        yard = Yard(Path(folder))
        commits = expected_commits(yard)
        span = _duration(yard)
        for trial in range(trials):
            if chance.random() < 0.15:
                shutil.rmtree(yard.workspace / "forks", ignore_errors=True)
            if chance.random() < 0.1:
                shutil.rmtree(yard.root / "cache", ignore_errors=True)
            mine = yard.workspace / "forks/thing/pkg/mine.ckpt"
            if mine.parent.is_dir():
                mine.write_text("weeks of work")
            had_mine = mine.exists()
            yard.want(state := chance.randrange(8))
            way = chance.choice(WAYS)
            child = yard.start("sync", "apply")
            time.sleep(chance.uniform(0.03, span * 1.1))
            ended = child.poll() is None
            if ended:
                end(child, way)
                report.interrupted[way] += 1
            report.journals += (yard.workspace / "forks/thing/.git/forkctl/switch.json").exists()
            report.half_built += (yard.workspace / "forks/.forkctl").exists()
            fault = _fault_after(yard, commits[state], mine if had_mine else None)
            child.communicate()
            report.trials += 1
            if fault:
                report.faults.append(f"trial {trial} (seed {seed}), {way}: {fault}")
            if say and trial % 20 == 19:
                print(f"{trial + 1} trials, {len(report.faults)} faults", flush=True)
    return report


def _duration(yard: Yard) -> float:
    shutil.rmtree(yard.workspace / "forks")
    began = time.monotonic()
    yard.start("sync", "apply").communicate(timeout=LIMIT)
    return time.monotonic() - began


def _fault_after(yard: Yard, expected: str, mine: Path | None) -> str | None:
    again = yard.start("sync", "apply")
    try:
        out, _ = again.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(again.pid, signal.SIGKILL)
        again.communicate()
        return f"the rerun hangs for {LIMIT:.0f} s"
    if again.returncode:
        return f"the rerun exits {again.returncode}: {out.decode()}"
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
    if left := [p.name for p in (yard.workspace / "forks").iterdir() if p.name != "thing"]:
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
