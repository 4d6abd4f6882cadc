"""Statistics of LIBERO files, in as many conventions as are asked for, over many processes.

The result depends on the files and their order alone, not on the number of processes: files are
measured in fixed groups, and the groups are merged in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from forkctl.libero import alignment as align
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.reader import Demo, DemoFile, open_demo_file
from forkctl.libero.parallel import map_in_order
from forkctl.libero.schema import ACTION_DIM
from forkctl.libero.units.conventions import LIBERO, Convention, Pose, StateForm
from forkctl.libero.units.noops import noop_mask
from forkctl.libero.units.resampling import resample
from forkctl.libero.units.statistics import Accumulator, Statistics

Array = npt.NDArray[Any]

# Rows measured at once: enough to make numpy's overhead small, few enough to stay in the cache.
_BLOCK_ROWS = 8192
_GROUPS = 16


@dataclass(frozen=True)
class Wanted:
    """What to measure. All stored actions count; where a convention needs a pose, those with an
    observation before them. States come in the forms that go with the conventions. `hold` is the
    number of steps that an action is held for."""

    conventions: tuple[Convention, ...] = (LIBERO,)
    states: bool = True
    alignment: str = align.AUTO
    drop_noops: bool = False
    hold: int = 1

    @property
    def needs_pose(self) -> bool:
        return any(each.needs_pose for each in self.conventions)

    @property
    def state_forms(self) -> Mapping[str, StateForm]:
        return {each.state.name: each.state for each in self.conventions} if self.states else {}

    @property
    def needs_alignment(self) -> bool:
        return self.needs_pose or (self.states and self.drop_noops)


@dataclass(frozen=True)
class DatasetStatistics:
    """`actions` by convention; `states` by the name of their form. `noop_share` is that of the
    stored files, even when no-ops are left out of the rest."""

    files: int
    demos: int
    steps: int
    shortest: int
    longest: int
    noop_share: float
    actions: Mapping[str, Statistics]
    states: Mapping[str, Statistics]


@dataclass(frozen=True)
class _Rows:
    """What one demo gives. `posed` are the actions with an observation before them, `pose` their
    poses."""

    actions: Array
    posed: Array
    pose: tuple[Array, ...]
    states: tuple[Array, ...]


class DatasetAccumulator:
    """Takes files, or another accumulator that measures the same."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.files = 0
        self.stored_steps = 0
        self.noops = 0
        self.steps = 0
        self.demos = 0
        self.shortest = 0
        self.longest = 0
        self.actions = {each.name: Accumulator(each.dims) for each in wanted.conventions}
        self.states = {name: Accumulator(form.dims) for name, form in wanted.state_forms.items()}
        self._state_keys = dict.fromkeys(
            key for form in wanted.state_forms.values() for key in form.keys
        )

    def add_file(self, file: DemoFile) -> None:
        self.files += 1
        block: list[_Rows] = []
        rows = 0
        for demo in self._demos(file):
            block.append(demo)
            rows += len(demo.actions)
            if rows >= _BLOCK_ROWS:
                self._add_block(block)
                block, rows = [], 0
        if block:
            self._add_block(block)

    def merge(self, other: DatasetAccumulator) -> None:
        self._count_lengths(other.demos, other.shortest, other.longest)
        self.files += other.files
        self.stored_steps += other.stored_steps
        self.noops += other.noops
        self.steps += other.steps
        for name, mine in self.actions.items():
            mine.merge(other.actions[name])
        for name, mine in self.states.items():
            mine.merge(other.states[name])

    def result(self) -> DatasetStatistics:
        return DatasetStatistics(
            files=self.files,
            demos=self.demos,
            steps=self.steps,
            shortest=self.shortest,
            longest=self.longest,
            noop_share=self.noops / max(self.stored_steps, 1),
            actions={name: item.result() for name, item in self.actions.items()},
            states={name: item.result() for name, item in self.states.items()},
        )

    def _demos(self, file: DemoFile) -> Iterator[_Rows]:
        offset = 0
        if self.wanted.needs_alignment:
            alignment = file.alignment(self.wanted.alignment)
            offset = align.Pairing(alignment, 0).offset
        for demo in file:
            yield self._read(demo, offset)

    def _read(self, demo: Demo, offset: int) -> _Rows:
        stored = _read_actions(demo)
        noops = noop_mask(stored)
        self.stored_steps += len(stored)
        self.noops += int(noops.sum())
        times = np.flatnonzero(~noops) if self.wanted.drop_noops else np.arange(len(stored))
        actions = stored[times]
        if self.wanted.hold > 1:
            actions = resample(actions, self.wanted.hold).actions  # a window from every step
        self.steps += len(actions)
        self._count_lengths(1, len(actions), len(actions))
        observed = times - offset
        usable = observed >= 0
        pose: tuple[Array, ...] = ()
        if self.wanted.needs_pose:
            pose = tuple(demo.obs(key)[observed[usable]] for key in ("ee_pos", "ee_ori"))
        states = tuple(demo.obs(key) for key in self._state_keys)
        if self.wanted.drop_noops:
            states = tuple(values[observed[usable]] for values in states)
        return _Rows(actions, actions[usable], pose, states)

    def _add_block(self, block: Sequence[_Rows]) -> None:
        actions = np.concatenate([rows.actions for rows in block])
        for convention in self.wanted.conventions:
            accumulator = self.actions[convention.name]
            if convention.needs_pose:
                posed = np.concatenate([rows.posed for rows in block])
                accumulator.add(convention.encode(posed, Pose(*_stack(r.pose for r in block))))
            else:
                accumulator.add(convention.encode(actions, None))
        observed = dict(zip(self._state_keys, _stack(rows.states for rows in block)))
        for name, form in self.wanted.state_forms.items():
            self.states[name].add(form.make(*(observed[key] for key in form.keys)))

    def _count_lengths(self, demos: int, shortest: int, longest: int) -> None:
        if demos:
            self.shortest = min(self.shortest, shortest) if self.demos else shortest
            self.longest = max(self.longest, longest)
            self.demos += demos


Parts = Iterator[DatasetAccumulator]


def measure(
    paths: Iterable[Path],
    wanted: Wanted,
    *,
    jobs: int = 1,
    watch: Callable[[Parts, int], Parts] = lambda parts, total: parts,
) -> DatasetStatistics:
    """Statistics over all the files. `watch` passes the parts on as they come, to show progress."""
    files = list(paths)
    size = max(-(-len(files) // _GROUPS), 1)
    groups = [files[start : start + size] for start in range(0, len(files), size)]
    total = DatasetAccumulator(wanted)
    parts = map_in_order(partial(_measure_group, wanted), groups, jobs)
    for part in watch(parts, len(groups)):
        total.merge(part)
    if not total.steps:
        raise DataFileError(
            "nothing to measure: no demo has a step",
            where=", ".join(map(str, files[:3])),
            hint="`forkctl data validate` says what is wrong with the files",
        )
    return total.result()


def _measure_group(wanted: Wanted, paths: Sequence[Path]) -> DatasetAccumulator:
    accumulator = DatasetAccumulator(wanted)
    for path in paths:
        with open_demo_file(path) as file:
            accumulator.add_file(file)
    return accumulator


def _stack(rows: Iterable[tuple[Array, ...]]) -> list[Array]:
    """The same-named arrays of many demos, end to end."""
    return [np.concatenate(parts) for parts in zip(*rows)]


def _read_actions(demo: Demo) -> Array:
    actions = demo.actions()
    if actions.ndim != 2 or actions.shape[1] != ACTION_DIM:
        raise DataFileError(
            f"actions of shape {actions.shape}, not (T, {ACTION_DIM})",
            where=f"{demo.file.path}:{demo.name}",
            hint="`forkctl data validate` lists everything that is wrong with the file",
        )
    return actions
