"""How a demo is told: chapters with the time, commands that are shown before they run.

A demo of a fork is a module `demo_NAME.py` beside this one with a function

    def tell(story: Story, fork: str) -> None

that runs forkctl commands through the story, and leaves out what has been done before.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = Path("demo")  # from ROOT, where every command runs
FORKCTL = Path(sys.executable).with_name("forkctl")


class Story:
    """Says what comes next, shows the command, runs it, and keeps the time."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str, text: str) -> None:
        self._chapter += 1
        seconds = time.monotonic() - self._started
        print(f"\n{_styled('1', f'{self._chapter}. {title}')}  ({seconds:.0f} s)", flush=True)
        print(textwrap.fill(text, 96), flush=True)

    def say(self, text: str) -> None:
        print(f"\n{text}", flush=True)

    def folder(self, fork: str) -> Path:
        """Where configs, pictures and reports of this fork's demo go."""
        (ROOT / OUT / fork).mkdir(parents=True, exist_ok=True)
        return OUT / fork

    def forkctl(self, *words: object, must: bool = True) -> int:
        return self.run([str(FORKCTL), *map(str, words)], shown="forkctl", must=must)

    def run(self, command: Sequence[str], *, shown: str, must: bool = True) -> int:
        line = shlex.join([shown, *command[1:]])
        line = line if len(line) < 400 else line[:396] + " ..."
        print(f"\n{_styled('36', f'$ {line}')}", flush=True)
        code = subprocess.run(command, cwd=ROOT).returncode
        if code and must:
            sys.exit(f"demo: the command above ended with {code}. `make demo` goes on from here.")
        return code


def _styled(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def settings(values: Mapping[str, object]) -> list[str]:
    return [
        word for key, value in values.items() for word in ("--set", f"{key}={json.dumps(value)}")
    ]


def last_run(fork: str, name: str) -> Path | None:
    """The folder of the last finished run of this fork and name, from ROOT."""
    records = (ROOT / "runs" / fork).glob(f"{name}-*/run.json")
    for record in sorted(records, key=lambda path: path.parent.name, reverse=True):
        if json.loads(record.read_text(encoding="utf-8"))["status"] == "finished":
            return record.parent.relative_to(ROOT)
    return None


def trained(fork: str, name: str) -> Path:
    run = last_run(fork, name)
    if run is None:
        sys.exit(f"demo: no run {name} of {fork} has finished; see `forkctl runs list`")
    return run


def losses(run: Path) -> list[float]:
    """Of each training step."""
    lines = (ROOT / run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [metric["loss"] for metric in map(json.loads, lines) if "loss" in metric]


def checked(run: Path, what: str) -> str:
    """What the check of this name found before the run began."""
    record = json.loads((ROOT / run / "run.json").read_text(encoding="utf-8"))
    return str(record["checks"].get(what, "not checked"))


def checkpoint_of(run: Path) -> Path:
    """The newest checkpoint of a run, from ROOT."""
    saved = sorted((ROOT / run / "checkpoints").iterdir())
    if not saved:
        sys.exit(f"demo: {run} has left no checkpoint; see `forkctl runs logs {run}`")
    return saved[-1].relative_to(ROOT)
