"""Statistics of a libero_90-size set, next to opening the file for every episode.

    python benchmarks/libero_statistics.py [--tasks 90] [--demos 50] [--workers 2]

Writes its own files (actions and states, no frames) to a temporary folder. The naive side opens
the file for each demo, as RDT's own statistics script does through its loader, keeps all rows, and
arrives at the same numbers.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from forkctl.families.registry import conventions
from forkctl.libero.units.conventions import Convention, libero_state, to_openvla
from forkctl.libero.units.measure import Wanted, measure
from forkctl.libero.units.noops import noop_mask

T = TypeVar("T")


def write_file(path: Path, demos: int, seed: int) -> None:
    """Values on LIBERO's grid for the actions, a smooth walk for the states."""
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for number in range(demos):
            length = int(rng.integers(90, 210))
            group = data.create_group(f"demo_{number}")
            actions = np.round(rng.normal(0, 120, (length, 7))).clip(-350, 350) * (0.9375 / 350)
            actions[:, 6] = np.where(np.arange(length) < length // 2, -1, 1)
            group["actions"] = actions
            walk = np.cumsum(rng.normal(0, 0.01, (length + 1, 18)), axis=0)
            states = np.concatenate([np.arange(length + 1)[:, None] / 20, walk], axis=1)
            group["states"] = states[:-1]
            obs = group.create_group("obs")
            obs["joint_states"] = walk[1:, :7]
            obs["gripper_states"] = np.abs(walk[1:, 7:9]) % 0.04 * [1, -1]
            obs["ee_pos"] = walk[1:, 9:12]
            obs["ee_ori"] = walk[1:, 12:15]


def naive(paths: list[Path]) -> dict[str, dict[str, np.ndarray]]:
    """One open per episode; everything is kept until the end. The same numbers as ours."""
    rows: dict[str, list[np.ndarray]] = {"action": [], "libero": []}
    for path in paths:
        with h5py.File(path, "r") as file:
            names = list(file["data"])
        for name in names:
            with h5py.File(path, "r") as file:
                demo = file["data"][name]
                actions = demo["actions"][:]
                keys = ("ee_pos", "ee_ori", "gripper_states")
                states = [demo["obs"][key][:] for key in keys]
            noop_mask(actions)
            rows["action"].append(to_openvla(actions))
            rows["libero"].append(libero_state(*states))
    return {kind: _reduce(np.concatenate(parts)) for kind, parts in rows.items()}


def _reduce(values: np.ndarray) -> dict[str, np.ndarray]:
    low, high = np.quantile(values, [0.01, 0.99], axis=0)
    return {
        "mean": values.mean(0),
        "std": values.std(0),
        "min": values.min(0),
        "max": values.max(0),
        "q01": low,
        "q99": high,
    }


def peak_memory(paths: list[Path]) -> float:
    """Megabytes at most, in a process of its own (/proc, so Linux only)."""
    code = (
        "import sys; from pathlib import Path;"
        "from forkctl.libero.units.measure import Wanted, measure;"
        "measure([Path(p) for p in sys.argv[1:]], Wanted());"
        "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], check=True, capture_output=True, text=True
    )
    return int(done.stdout) / 1024


def timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=90)
    parser.add_argument("--demos", type=int, default=50)
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 2))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FORKCTL_CACHE"] = folder
        paths = [Path(folder) / f"task_{number:02}_demo.hdf5" for number in range(options.tasks)]
        for number, path in enumerate(paths):
            write_file(path, options.demos, number)
        size = sum(path.stat().st_size for path in paths) / 1e6
        print(f"{len(paths)} files, {options.tasks * options.demos} demos, {size:.0f} MB")
        naive(paths)  # both sides read from the page cache
        slow, reference = timed(lambda: naive(paths))
        wanted = Wanted(conventions=named("openvla"))
        one, ours = timed(lambda: measure(paths, wanted))
        many, _ = timed(lambda: measure(paths, wanted, workers=options.workers))
        print(f"opening the file per episode   {slow:6.2f} s")
        print(f"forkctl, 1 process             {one:6.2f} s   {slow / one:.1f}x")
        print(f"forkctl, {options.workers} processes           {many:6.2f} s   {slow / many:.1f}x")
        measured = {"action": ours.actions["openvla"], **ours.states}
        for field in ("mean", "std", "min", "max", "q01", "q99"):
            worst = max(
                np.abs(getattr(measured[kind], field) - values[field]).max()
                for kind, values in reference.items()
            )
            print(f"largest difference of {field:4}      {worst:9.1e}")
        for share in (4, 2, 1):
            part = paths[: max(len(paths) // share, 1)]
            print(f"peak memory for {len(part):3} files {peak_memory(part):10.0f} MB")


if __name__ == "__main__":
    main()


def named(*names: str) -> tuple[Convention, ...]:
    return tuple(conventions()[name] for name in names)
