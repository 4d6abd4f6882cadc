"""LIBERO demos as samples of OpenVLA, fetched a batch at a time.

A sample is asked for by its position in the run: an endless sequence of epochs, each in an order
of its own. What a position holds depends on the seed alone, so that ranks and workers never share
a sample, their number changes nothing, and a run goes on where it stopped.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

import numpy as np
import torch

from forkctl.errors import ForkctlError
from forkctl_openvla.augment import augment, draw
from forkctl_openvla.images import Pixels, Size, finish_on_device, resized, upright
from forkctl_openvla.options import PARITY, RAW, DatasetOptions
from forkctl_openvla.samples import Frames, Samples
from forkctl_openvla.statistics import normalised
from forkctl_openvla.tokens import Prompts

Batch = Dict[str, Any]


class LiberoDataset(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """`dataset_statistics` is what upstream saves: {unnorm_key: entry}."""

    def __init__(
        self,
        samples: Samples,
        statistics: Mapping[str, Any],
        prompts: Prompts,
        pixels: Pixels,
        size: Size,
        options: DatasetOptions,
        *,
        image_aug: bool,
        seed: int,
    ) -> None:
        ((self.name, entry),) = statistics.items()
        self.dataset_statistics = dict(statistics)
        self.samples = samples
        self.pixels = pixels
        self.size = size
        self.prompts = prompts
        self._options = options
        self._image_aug = image_aug
        self._seed = seed
        self._tokens = prompts.of_actions(normalised(samples.actions, entry))
        self._frames = Frames(samples.demos, options.camera)
        sizes = set(self._frames.sizes())
        self.frame_size = int(next(iter(sizes))[0]) if len(sizes) == 1 else None
        if options.images == RAW and len(sizes) > 1:
            raise ForkctlError(
                f"images: {RAW} needs frames of one size; there are {sizes}",
                where="dataset.images",
                hint=f"set it to {PARITY}",
            )
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def of(self, samples: Samples, options: DatasetOptions) -> "LiberoDataset":
        """Other samples of the same tasks, as inputs to the same model."""
        return LiberoDataset(
            samples,
            self.dataset_statistics,
            self.prompts,
            self.pixels,
            self.size,
            options,
            image_aug=self._image_aug,
            seed=self._seed,
        )

    def __len__(self) -> int:
        """Of one epoch."""
        return len(self.samples)

    def __getitem__(self, position: int) -> Batch:
        raise TypeError("samples come in batches: use a loader with `Positions` as batch_sampler")

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """What torch's loader asks for: one batch, collated."""
        where = np.asarray(positions)
        picked = np.array([self.sample_at(position) for position in positions])
        demos = self.samples.demo_of[picked]
        ids, labels = self.prompts.batch(self.samples.task_of[demos], self._tokens[picked])
        batch: Batch = {
            "pixel_values": self._images(picked),
            "input_ids": ids,
            "attention_mask": ids.ne(self.prompts.pad),
            "labels": labels,
            "dataset_names": [self.name] * len(picked),
        }
        if self._image_aug:
            how = self._options.augmentation
            numbers = np.stack([draw(self._seed, int(each), how) for each in where])
            batch["augmentation"] = torch.from_numpy(numbers)
        if self._options.images == RAW:
            batch["as_stored"] = True
        if self._options.images == PARITY:
            self._finish(batch)
        return batch

    def sample_at(self, position: int) -> int:
        epoch, place = divmod(position, len(self.samples))
        return int(self._order(epoch)[place])

    def named(self, positions: Sequence[int]) -> str:
        """The frames that they show, for people to look at."""
        frames: Dict[str, List[int]] = {}
        for position in positions:
            sample = self.sample_at(position)
            demo = self.samples.demos[self.samples.demo_of[sample]]
            name = f"{Path(demo.file.path).name} {demo.name}"
            frames.setdefault(name, []).append(int(self.samples.frames[sample]))
        return "; ".join(
            f"{name} frame {', '.join(map(str, sorted(which)))}" for name, which in frames.items()
        )

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng((self._seed, epoch)).permutation(len(self.samples))

    def _images(self, picked: np.ndarray) -> torch.Tensor:
        demos, steps = self.samples.demo_of[picked], self.samples.frames[picked]
        frames = [self._frames.get(int(demo), int(step)) for demo, step in zip(demos, steps)]
        if self._options.images != RAW:
            frames = [resized(upright(frame), self.size) for frame in frames]
        return torch.from_numpy(np.stack(frames))

    def _finish(self, batch: Batch) -> None:
        """In the worker: upstream's own pixel values."""
        images = batch["pixel_values"]
        if "augmentation" in batch:
            numbers = batch.pop("augmentation")
            images = augment(images.permute(0, 3, 1, 2), numbers).permute(0, 2, 3, 1)
        batch["pixel_values"] = self.pixels.of([np.ascontiguousarray(each) for each in images])

    def finished(self, batch: Batch, device: torch.device) -> Batch:
        """Of a batch from the workers, what is left to do on the device."""
        pixels = finish_on_device(batch, self.pixels, self.size, device)
        return batch if pixels is None else {**batch, "pixel_values": pixels}

    def __getstate__(self) -> Dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_order"}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._order = lru_cache(maxsize=2)(self._shuffled)


class Positions:
    """The batches of one rank: batch number `first` up to `stop`, each `size` positions long."""

    def __init__(self, first: int, stop: int, size: int, rank: int, world: int) -> None:
        self._numbers = range(first, stop)
        self._size = size
        self._rank = rank
        self._world = world

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[List[int]]:
        return map(self.of, self._numbers)

    def of(self, number: int) -> List[int]:
        start = (number * self._world + self._rank) * self._size
        return list(range(start, start + self._size))


def as_it_is(batch: Batch) -> Batch:
    """The loader's collate function: `__getitems__` has done it."""
    return batch


def loader(
    dataset: LiberoDataset, positions: Positions, *, workers: int, pin_memory: bool
) -> "torch.utils.data.DataLoader[Batch]":
    """Its random numbers are its own: starting it must not move those of the model."""
    collate: Callable[[Batch], Batch] = as_it_is
    return torch.utils.data.DataLoader(
        dataset,
        batch_sampler=positions,  # type: ignore[arg-type]
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin_memory,
        generator=torch.Generator(),
    )
