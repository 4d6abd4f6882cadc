"""Structural patches beside `git am -3` and `patch -F3`, on every version of real upstreams; and
how long `forkctl drift --all` takes.

    python -m benchmarks.patch_drift

Each edit is made once, at the pin of the first fork that it is for. The two textual tools get that
change as git would carry it; the engine gets the patch file. Then all three are tried on every
distinct version, over all branches, tags and pull requests, and each result is held against what it
must be (tests/upstream/patches/places.py, which knows nothing of the engine). Nothing of an
upstream is kept: the diffs are made here and thrown away. Exits with 1 if the engine is wrong.

`forkctl drift` is timed with a cache of its own. Fetching depends on the network and is timed
separately. Wall and CPU time are those of the whole command, including the start of Python.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import find_workspace
from tests.upstream.patches.every_version import (
    EDITS,
    Judgement,
    Pair,
    pairs_of,
    rendered,
    structural,
)

METHODS = ("structural", "git am -3", "patch -F3")
Tool = Callable[[bytes], bytes | None]


def main() -> int:
    wrong = compare()
    print()
    time_command()
    return int(wrong)


def compare() -> bool:
    """Print the table of right and wrong results; return whether the engine was wrong."""
    workspace = find_workspace()
    forks = load(workspace.manifest).forks
    fetcher = Fetcher(Children())
    totals: dict[str, Counter[Judgement]] = {method: Counter() for method in METHODS}
    seconds: Counter[str] = Counter()
    targets = 0
    print("| edit | versions | has the place | " + " | ".join(METHODS) + " |")
    print("|---|---|---|" + "---|" * len(METHODS))
    with tempfile.TemporaryDirectory(prefix="forkctl-bench-") as scratch:
        repository = ScratchRepository(Path(scratch) / "repository")
        for edit in EDITS:
            pairs = pairs_of(edit, workspace.patches, forks, fetcher)
            edits = structural(edit, workspace.patches)
            pin = next(pair for pair in pairs if pair.at_pin)
            after = rendered(edits, pin.before)
            assert after is not None, f"{edit.patch} does not apply at the pin of {pin.fork}"
            diff = repository.make_patch(edit.path, pin.before, after)
            tools: dict[str, Tool] = {
                "structural": lambda text, edits=edits: rendered(edits, text),
                "git am -3": lambda text, diff=diff: repository.git_am(diff, text),
                "patch -F3": lambda text, diff=diff: repository.patch_f3(diff, text),
            }
            counts = {name: judged(pairs, tool, seconds, name) for name, tool in tools.items()}
            place = sum(pair.expected is not None for pair in pairs)
            cells = (summary_of(counts[method]) for method in METHODS)
            name = f"{edit.series}/{edit.patch.removesuffix('.yaml')}, {Path(edit.path).name}"
            print(f"| {name} | {len(pairs)} | {place} | " + " | ".join(cells) + " |", flush=True)
            targets += place
            for method in METHODS:
                totals[method] += counts[method]
    versions = sum(totals["structural"].values())
    cells = (summary_of(totals[method]) for method in METHODS)
    print(f"| **all** | {versions} | {targets} | " + " | ".join(cells) + " |")
    costs = (f"{method} {seconds[method] / versions * 1000:.0f}" for method in METHODS)
    print("\nms a version: " + ", ".join(costs))
    return totals["structural"][Judgement.WRONG] > 0


def judged(
    pairs: Sequence[Pair], tool: Tool, seconds: Counter[str], name: str
) -> Counter[Judgement]:
    start = time.perf_counter()
    results = [tool(pair.before) for pair in pairs]
    seconds[name] += time.perf_counter() - start  # type: ignore[assignment]
    return Counter(pair.judge(after) for pair, after in zip(pairs, results, strict=True))


def summary_of(counts: Counter[Judgement]) -> str:
    wrong = f", **{counts[Judgement.WRONG]} wrong**" if counts[Judgement.WRONG] else ""
    return f"{counts[Judgement.RIGHT]}{wrong}"


def time_command() -> None:
    with tempfile.TemporaryDirectory(prefix="forkctl-bench-") as cache:
        environment = {**os.environ, "FORKCTL_CACHE": cache}
        fetching, _, _ = timed(environment)
        shutil.rmtree(Path(cache) / "drift")
        cold = timed(environment, "--offline")
        warm = [timed(environment, "--offline") for _ in range(3)]
    report = json.loads(cold[2])
    files = [file for fork in report["forks"] for file in fork["files"]]
    versions = sum(len(file["versions"]) for file in files)
    trials = sum(len(patch["findings"]) for file in files for patch in file["patches"])
    print(f"forkctl drift: {len(report['forks'])} forks, {versions} file versions, {trials} trials")
    print(f"with the fetch of all histories: {fetching:.1f} s")
    print(f"cold: {cold[0]:.2f} s, {cold[1]:.2f} s CPU")
    print(f"warm: {min(w[0] for w in warm):.2f} s, {min(w[1] for w in warm):.2f} s CPU")


def timed(environment: dict[str, str], *words: str) -> tuple[float, float, bytes]:
    """Wall seconds, CPU seconds, output. Exit code 1 only means that some patch drifted."""
    command = [sys.executable, "-m", "forkctl", "drift", "--all", "--json", *words]
    start, before = time.perf_counter(), cpu_of_children()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE)
    wall = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise SystemExit(done.returncode)
    return wall, cpu_of_children() - before, done.stdout


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# the user's own git settings must not affect the comparison
_ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "bench" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "bench@localhost" for role in ("AUTHOR", "COMMITTER")},
}


@dataclass(frozen=True)
class TextualPatch:
    """An edit as git would carry it: a mail for `git am`, the same as a plain diff for `patch`."""

    path: str
    mail: bytes
    diff: bytes


class ScratchRepository:
    """Where edits are made into diffs, and diffs are tried by the textual tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._git("init", "--quiet")
        self._git("commit", "--quiet", "--allow-empty", "-m", "root")
        self.root = self._git("rev-parse", "HEAD").decode().strip()

    def make_patch(self, path: str, before: bytes, after: bytes) -> TextualPatch:
        """What a user who edited the file at the pin would have kept."""
        self._start_from(path, before)
        self._commit(path, after, "the edit")
        mail = self._git("format-patch", "-1", "--stdout", "--full-index")
        return TextualPatch(path, mail, self._git("diff", "--full-index", "HEAD^", "HEAD"))

    def git_am(self, patch: TextualPatch, version: bytes) -> bytes | None:
        """`git am -3`: the file that it makes of this version, None if it gives up."""
        self._start_from(patch.path, version)
        done = self._try(["git", "am", "--quiet", "-3"], patch.mail)
        if done is None:
            self._try(["git", "am", "--abort"], b"")
            return None
        return (self.folder / patch.path).read_bytes()

    def git_apply(self, patch: TextualPatch, version: bytes) -> bytes | None:
        """The same with `git apply --3way`. The diff names the blob that it was made on."""
        self._start_from(patch.path, version)
        if self._try(["git", "apply", "--3way", "--whitespace=nowarn"], patch.diff) is None:
            return None
        return (self.folder / patch.path).read_bytes()

    def patch_f3(self, patch: TextualPatch, version: bytes) -> bytes | None:
        """The same with `patch -F3`."""
        self._start_from(patch.path, version)
        words = ["patch", "-F3", "-p1", "--silent", "--force", "--no-backup-if-mismatch"]
        if self._try(words, patch.diff) is None:
            return None
        return (self.folder / patch.path).read_bytes()

    def _start_from(self, path: str, content: bytes) -> None:
        self._git("reset", "--quiet", "--hard", self.root)
        self._git("clean", "-qfdx")
        self._commit(path, content, "a version")

    def _commit(self, path: str, content: bytes, subject: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "-m", subject)

    def _git(self, *words: str) -> bytes:
        output = self._try(["git", *words], b"")
        if output is None:
            raise RuntimeError(f"git {' '.join(words)} failed in {self.folder}")
        return output

    def _try(self, words: list[str], given: bytes) -> bytes | None:
        done = subprocess.run(
            words, input=given, cwd=self.folder, env=_ENVIRONMENT, capture_output=True
        )
        return None if done.returncode else done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
