"""Random frames by the reader, next to opening the file for every sample.

    python benchmarks/libero_reader.py [--demos 20] [--samples 2000]

Writes its own files to a temporary folder, contiguous and gzip, and reads both cameras at random
(demo, step) as a training loader does.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from forkctl.libero.files.index import save_index
from forkctl.libero.files.indexing import build_index
from forkctl.libero.files.reader import DemoFile, open_demo_file
from forkctl.libero.schema import CAMERAS

LENGTH = 120


def write_file(path: Path, demos: int, compression: str | None) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(demos):
            demo = file.create_group(f"data/demo_{number}")
            demo["actions"] = rng.normal(size=(LENGTH, 7))
            states = np.cumsum(rng.normal(size=(LENGTH + 1, 20)), axis=0)
            demo["states"] = states[:-1]
            demo["obs/joint_states"] = states[1:, 1:8]
            # Flat patches, so that gzip has something to do, as in a rendered scene.
            small = rng.integers(0, 255, (LENGTH, 16, 16, 3), dtype=np.uint8)
            frames = small.repeat(8, axis=1).repeat(8, axis=2)
            for camera in CAMERAS:
                demo.create_dataset(f"obs/{camera}", data=frames, compression=compression)


def opening_each_time(path: Path, samples: list[tuple[str, int]]) -> int:
    total = 0
    for name, t in samples:
        with h5py.File(path, "r") as file:
            for camera in CAMERAS:
                total += int(file[f"data/{name}/obs/{camera}"][t].sum())
    return total


def keeping_the_file_open(path: Path, samples: list[tuple[str, int]]) -> int:
    total = 0
    with h5py.File(path, "r") as file:
        for name, t in samples:
            for camera in CAMERAS:
                total += int(file[f"data/{name}/obs/{camera}"][t].sum())
    return total


def by_reader(path: Path, samples: list[tuple[str, int]]) -> int:
    total = 0
    with open_demo_file(path) as file:
        demos = {demo.name: demo for demo in file}
        for name, t in samples:
            for camera in CAMERAS:
                total += int(demos[name].frame(camera, t).sum())
    return total


def summing_alone(samples: list[tuple[str, int]]) -> int:
    """What the sums cost that keep all sides honest: a map that is not touched reads nothing."""
    frame = np.ones((128, 128, 3), dtype=np.uint8)
    return sum(int(frame.sum()) for _ in samples for _ in CAMERAS)


def per_frame(work: Callable[[], int], frames: int) -> tuple[float, int]:
    """Microseconds per frame, the best of three."""
    best, result = float("inf"), 0
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best / frames * 1e6, result


def line(title: str, took: float, slow: float) -> str:
    return f"  {title:22} {took:8.1f}   {slow / took:.1f}x"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demos", type=int, default=20)
    parser.add_argument("--samples", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FORKCTL_CACHE"] = folder
        for compression in (None, "gzip"):
            path = Path(folder) / f"{compression}_demo.hdf5"
            write_file(path, options.demos, compression)
            count = options.samples if compression is None else options.samples // 10
            samples = [
                (f"demo_{demo}", int(t))
                for demo, t in zip(
                    rng.integers(0, options.demos, count),
                    rng.integers(0, LENGTH, count),
                    strict=True,
                )
            ]
            frames = count * len(CAMERAS)
            rest, _ = per_frame(lambda s=samples: summing_alone(s), frames)
            print(f"\n{compression or 'contiguous'}: {frames} frames, us each (sum {rest:.0f} off)")
            slow, expected = per_frame(lambda p=path, s=samples: opening_each_time(p, s), frames)
            sides: list[tuple[str, Callable[[Path, list[tuple[str, int]]], int]]] = [
                ("file kept open", keeping_the_file_open),
                ("reader", by_reader),
            ]
            print(f"  file opened per sample {slow - rest:8.1f}")
            for title, side in sides:
                took, result = per_frame(lambda p=path, s=samples, f=side: f(p, s), frames)
                assert result == expected, "the sides read different frames"
                print(line(title, took - rest, slow - rest))
            start = time.perf_counter()
            save_index(build_index(DemoFile(path)))
            print(f"  index built in {1000 * (time.perf_counter() - start):.0f} ms")
            took, _ = per_frame(lambda p=path, s=samples: by_reader(p, s), frames)
            print(line("reader, with index", took - rest, slow - rest))


if __name__ == "__main__":
    main()
