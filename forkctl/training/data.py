"""The LIBERO files of a run: which they are, what they hold, and a fingerprint of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.family import Camera, DataFacts
from forkctl.forks.hashes import content_hash
from forkctl.libero.files.paths import find_files


@dataclass(frozen=True)
class DataSet:
    """A suite's files, and the facts that a config needs."""

    files: tuple[Path, ...]
    facts: DataFacts
    demos: int
    steps: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]


def files_at(path: Path, suite: str | None = None) -> tuple[Path, ...]:
    """The HDF5 files at a path, as `forkctl data validate` finds them: a file, or those below a
    folder; those of the suite alone, where the folder has one of the suite's name."""
    below = path / suite if suite else path
    return tuple(find_files([below if below.is_dir() else path]))


def default_facts() -> DataFacts:
    """LIBERO's own files, for a config that is made before the data is here."""
    from forkctl.libero import schema

    size = schema.FileLayout.RAW.image_size
    return DataFacts(
        cameras=tuple(Camera(camera, size, size) for camera in schema.CAMERAS),
        low_dim=tuple((spec.name, spec.shape[0] or 0) for spec in schema.LOW_DIM_OBS),
        action_dim=schema.ACTION_DIM,
    )


def read_facts(files: Sequence[Path]) -> DataSet:
    """Shapes and counts from the files themselves. They must agree with each other."""
    import numpy as np

    from forkctl.libero.files.reader import open_demo_file

    facts: DataFacts | None = None
    demos = steps = 0
    lows, highs = [], []
    for path in files:
        with open_demo_file(path) as file:
            for number, demo in enumerate(file):
                actions = np.asarray(demo.actions(), dtype=float)
                demos, steps = demos + 1, steps + len(actions)
                lows.append(actions.min(axis=0))
                highs.append(actions.max(axis=0))
                if number == 0:
                    these = _facts_of(demo, path)
                    if facts is not None and these != facts:
                        raise ForkctlError(
                            f"its observations differ from those of {files[0].name}",
                            where=str(path),
                            hint="`forkctl data inspect` shows what each file holds",
                        )
                    facts = these
    if facts is None:
        raise ForkctlError("there is no demo in the data", where=str(files[0]))
    return DataSet(
        files=tuple(files),
        facts=replace(facts, steps=steps),
        demos=demos,
        steps=steps,
        action_low=tuple(np.min(lows, axis=0).tolist()),
        action_high=tuple(np.max(highs, axis=0).tolist()),
    )


def _facts_of(demo: object, path: Path) -> DataFacts:
    from forkctl.libero.files.reader import Demo

    assert isinstance(demo, Demo)
    cameras, low_dim = [], []
    for key in demo.obs_keys:
        shape = demo.file.extent(f"{demo.name}/obs/{key}").shape
        if len(shape) == 4:
            cameras.append(Camera(key, shape[1], shape[2]))
        elif len(shape) == 2:
            low_dim.append((key, shape[1]))
    if not cameras and not low_dim:
        raise ForkctlError("its demos have no observations", where=str(path))
    actions = demo.file.extent(f"{demo.name}/actions").shape
    return DataFacts(tuple(sorted(cameras, key=lambda each: each.key)), tuple(low_dim), actions[1])


def identity_of(checkpoint: Path) -> dict[str, str]:
    """What a run's record says of its checkpoint."""
    return {"path": str(checkpoint), "sha256": content_hash(checkpoint)}


def joined_file(files: Sequence[Path], folder: Path) -> Path:
    """What upstream is given: one small file in the run's folder that points at all demos.

    Upstream's own handling of several files drops broken ones, caches each apart and stores
    metadata that it cannot read back. And the pointers put right what a loader gets wrong: LIBERO's
    own files hold each observation a step late, regenerated ones lack `env_args`.
    """
    from forkctl.libero.tools.merge import MergeOptions, merge

    target = folder / "data.hdf5"
    merge(files, target, MergeOptions(absolute=True))
    return target
