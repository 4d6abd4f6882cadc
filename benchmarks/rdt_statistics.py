"""Statistics for RDT's dataset_stat.json, by upstream's own script and by ours, on the same demos.

    forkctl env exec rdt -- python benchmarks/rdt_statistics.py [--demos 50]

Upstream's script runs from its tree, with its own loader. That one wants a file for each demo and
fourteen joint values a step: the same states are written so as well, into a temporary folder. The
truth is the textbook's mean and standard deviation of all rows, in extended precision.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml
from data.compute_dataset_stat_hdf5 import process_hdf5_dataset
from data.hdf5_vla_dataset import HDF5VLADataset

from forkctl.families.rdt.measuring import layout_entry
from forkctl.families.rdt.units import state as rdt_state
from forkctl.families.rdt.vectors import STATE_KEYS, RdtLayout
from forkctl.libero.files.paths import find_files
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.synth import SynthOptions, write_suite

TASKS = 10
# columns of rdt_state that stand in for upstream's two arms of six joints and a gripper
COLUMNS = (0, 1, 2, 3, 4, 5, 16, 7, 8, 9, 10, 11, 12, 16)
GRIPPERS = {6: 4.7908, 13: 4.7888}  # what upstream's loader divides by
UPSTREAM_SLOTS = (*range(50, 56), 60, *range(6), 10)
LAYOUT = RdtLayout("delta", joints=True)
OUR_SLOTS = (*range(7), *range(30, 39), 10)


@dataclass(frozen=True)
class Row:
    name: str
    seconds: float
    demos: int
    mean_error: float
    std_error: float


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--demos", type=int, default=50, help="of each of ten tasks")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, working_in(Path(scratch)):
        report(compare(Path(scratch), asked.demos), TASKS * asked.demos)


def compare(root: Path, demos: int) -> list[Row]:
    options = SynthOptions(demos=demos, image_size=16)
    list(write_suite(root / "libero_spatial", "libero_spatial", options, TASKS, 1))
    files = find_files([root / "libero_spatial"])
    lay_out_for_upstream(files, root)
    return [upstreams(), ours(files)]


def lay_out_for_upstream(files: Sequence[Path], root: Path) -> None:
    folder = root / "data" / "datasets" / "agilex" / "rdt_data"
    folder.mkdir(parents=True)
    (root / "configs").mkdir()
    common = {"action_chunk_size": 64, "img_history_size": 2, "state_dim": 128}
    (root / "configs" / "base.yaml").write_text(yaml.safe_dump({"common": common}))
    for path in files:
        for demo in open_demo_file(path):
            rows = states_of(demo)[:, COLUMNS]
            for column, factor in GRIPPERS.items():
                rows[:, column] *= factor
            with h5py.File(folder / f"{path.stem}-{demo.name}.hdf5", "w") as out:
                out["observations/qpos"] = rows
                out["action"] = rows


def states_of(demo: Any) -> Any:
    return rdt_state(*(demo.obs(key) for key in STATE_KEYS))


def upstreams() -> Row:
    began = time.perf_counter()
    dataset = HDF5VLADataset()
    entry = process_hdf5_dataset(dataset)
    seconds = time.perf_counter() - began
    kept = [file for file in dataset.file_paths if dataset.parse_hdf5_file_state_only(file)[0]]
    rows = np.concatenate([dataset.parse_hdf5_file_state_only(file)[1]["state"] for file in kept])
    return row("upstream's script", seconds, len(kept), entry, rows, UPSTREAM_SLOTS)


def ours(files: Sequence[Path]) -> Row:
    began = time.perf_counter()
    entry = layout_entry("libero_spatial", files, LAYOUT)
    seconds = time.perf_counter() - began
    demos = [demo for path in files for demo in open_demo_file(path)]
    rows = np.concatenate([LAYOUT.states(observed(demo))[demo.pairing().obs] for demo in demos])
    return row("forkctl", seconds, len(demos), entry, rows, OUR_SLOTS)


def observed(demo: Any) -> dict[str, Any]:
    return {key: demo.obs(key) for key in STATE_KEYS}


def row(name: str, seconds: float, demos: int, entry: Any, rows: Any, slots: Sequence[int]) -> Row:
    exact = rows[:, slots].astype(np.longdouble)
    mean = np.abs(np.array(entry["state_mean"])[list(slots)] - exact.mean(0)).max()
    std = np.abs(np.array(entry["state_std"])[list(slots)] - exact.std(0)).max()
    return Row(name, seconds, demos, float(mean), float(std))


def report(rows: Sequence[Row], demos: int) -> None:
    print("| | s | demos counted | largest error of a mean | of a standard deviation |")
    print("|---|---:|---:|---:|---:|")
    for each in rows:
        print(
            f"| {each.name} | {each.seconds:.2f} | {each.demos} of {demos} "
            f"| {each.mean_error:.1g} | {each.std_error:.1g} |"
        )


@contextlib.contextmanager
def working_in(folder: Path) -> Any:
    """Upstream's paths are relative to where it runs."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main()
