"""In which order the steps of the data come, and where an epoch ends."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from forkctl.families.rdt.epochs import updates_per_epoch


class StepSampler:
    """Every step of the data once an epoch, in an order that the seed and the epoch give: each
    process makes the same one, and accelerate deals its batches out.

    An epoch is filled up with further steps to whole updates. Without that its last batches are
    small or missing, and accumulation is cut short where it ends. A run that goes on does so in the
    middle of its epoch.
    """

    def __init__(self, steps: int, samples_per_update: int, seed: int, updates_done: int) -> None:
        self._steps = steps
        self._seed = seed
        self._length = updates_per_epoch(steps, samples_per_update) * samples_per_update
        self._epoch, self._done = divmod(updates_done * samples_per_update, self._length)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self._seed, self._epoch))
        rounds = -(-self._length // self._steps)
        order = np.concatenate([rng.permutation(self._steps) for _ in range(rounds)])
        left = order[self._done : self._length]
        self._epoch, self._done = self._epoch + 1, 0
        return iter(left.tolist())
