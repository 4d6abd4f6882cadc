"""The samples of an optimiser step, over all processes. --gpus keeps them, because learning rate
and number of steps were chosen for them; what else changes them is said before the run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config, with_value
from forkctl.family import Launcher


@dataclass(frozen=True)
class Batch:
    size: int  # what one process takes at a time
    accumulation: int
    processes: int

    @property
    def samples(self) -> int:
        return self.size * self.accumulation * self.processes

    def __str__(self) -> str:
        many = "process" if self.processes == 1 else "processes"
        return (
            f"{self.samples} samples a step: {self.size} at a time, {self.accumulation} times, "
            f"in {self.processes} {many}"
        )

    def over(self, processes: int) -> Batch:
        """As many samples, or as near as can be, and no more at a time than fitted before."""
        share = self.samples / processes
        fewest = math.ceil(share / self.size)
        times = next((n for n in range(fewest, 2 * fewest + 1) if share % n == 0), fewest)
        return Batch(max(1, round(share / times)), times, processes)


def batch_of(launcher: Launcher, config: Config) -> Batch | None:
    """None where the config does not say it, or its kind of fork has no place to say it."""
    keys = launcher.keys
    size = launcher.value(config, keys.batch)
    times = 1 if keys.accumulation is None else launcher.value(config, keys.accumulation) or 1
    if not all(isinstance(each, int) and each > 0 for each in (size, times)):
        return None
    return Batch(size, times, launcher.processes_of(config))


def with_processes(launcher: Launcher, config: Config, processes: int) -> Config:
    """`--gpus`."""
    told = launcher.with_processes(config, processes)
    before, keys = batch_of(launcher, config), launcher.keys
    if before is None or keys.batch is None or keys.accumulation is None:
        return told
    after = before.over(processes)
    told = with_value(told, keys.batch, after.size)
    return with_value(told, keys.accumulation, after.accumulation)


def check_batch(launcher: Launcher, written: Config, final: Config) -> list[Check]:
    """`final` is what the options of the command made of what is written."""
    before, after = batch_of(launcher, written), batch_of(launcher, final)
    if after is None:
        return []
    if before is None or before.samples == after.samples:
        return [checks.ok("batch", str(after))]
    hint = "its learning rate and number of steps were chosen for that: --set changes them, too"
    return [checks.warning("batch", f"{after}; the config has {before.samples}", hint)]
