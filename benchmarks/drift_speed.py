"""How long `forkctl drift --all` takes: trials from nothing, then from the cache.

    python -m benchmarks.drift_speed

The histories and blobs are fetched first, into a cache of its own that is thrown away, and timed
apart: they depend on the network. Wall and CPU time are those of the whole command, the start of
Python included.
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
from pathlib import Path


def main() -> int:
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
    print(f"{len(report['forks'])} forks, {versions} file versions, {trials} trials")
    print(f"with the fetch of all histories: {fetching:.1f} s")
    print(f"cold: {cold[0]:.2f} s, {cold[1]:.2f} s CPU")
    print(f"warm: {min(w[0] for w in warm):.2f} s, {min(w[1] for w in warm):.2f} s CPU")
    return 0


def timed(environment: dict[str, str], *words: str) -> tuple[float, float, bytes]:
    """Wall seconds, CPU seconds, output. Exit code 1 only says that some patch drifted."""
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


if __name__ == "__main__":
    raise SystemExit(main())
