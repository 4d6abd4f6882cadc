"""One JSON line a step and one a sampling, for whoever set FORKCTL_METRICS to a path."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Mapping

import torch

from forkctl_rdt.dataset import LiberoDataset

_UNITS = {"1": "", "m/s": "_m_per_s", "rad/s": "_rad_per_s"}


class StepMetrics:
    """Writes on the main process alone."""

    def __init__(self, accelerator: Any, samples_per_step: int) -> None:
        path = os.environ.get("FORKCTL_METRICS")
        self._path = Path(path) if path and accelerator.is_main_process else None
        self._samples = samples_per_step
        self._since = time.monotonic()
        self._step = -1

    def step(self, step: int, epoch: int, logs: Mapping[str, float], grad_norm: Any) -> None:
        """Once for each optimiser step: upstream logs each piece of an accumulated one."""
        if self._path is None or step == self._step:
            return
        now = time.monotonic()
        self._write(
            step=step,
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            lr=float(logs["lr"]),
            grad_norm=None if grad_norm is None else float(grad_norm),
            samples_per_s=round(self._samples / max(now - self._since, 1e-9), 3),
        )
        self._step, self._since = step, now

    def sampled(self, step: int, epoch: int, errors: Mapping[str, float]) -> None:
        if self._path is not None:
            self._write(step=step, epoch=epoch + 1, split="valid", **errors)
            self._since = time.monotonic()

    def _write(self, **values: Any) -> None:
        assert self._path is not None
        with self._path.open("a") as stream:  # one write, so that a reader sees whole lines
            stream.write(json.dumps({**values, "time": round(time.time(), 3)}) + "\n")


class SampleErrors:
    """How far sampled actions are from those of the demos, for each number in its own unit.

    `relative_X` is the root mean square error over that of the best constant: 1 is what the mean
    action of the data scores, and a policy that has learnt X is below it. Padding at the end of a
    demo counts as upstream counts it: like any other step.
    """

    def __init__(self, dataset: LiberoDataset, action_mean: torch.Tensor) -> None:
        self._dims = dataset.layout.action_dims
        self._slots = dataset.layout.slots
        self._constant = action_mean[self._slots]
        self._sums: torch.Tensor | None = None

    def add(self, predicted: torch.Tensor, actions: torch.Tensor) -> None:
        truth = actions[..., self._slots].double()
        apart = predicted[..., self._slots].double() - truth
        constant = self._constant.to(truth) - truth
        sums = torch.stack(
            [
                apart.abs().sum((0, 1)),
                apart.square().sum((0, 1)),
                constant.square().sum((0, 1)),
                torch.full_like(apart[0, 0], apart[..., 0].numel()),
            ]
        )
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self, accelerator: Any) -> dict[str, float]:
        """Over all processes, unrounded."""
        if self._sums is None:
            return {}
        sums = accelerator.gather(self._sums.float()[None]).double().sum(0)
        absolute, squared, constant, count = sums.tolist()
        found = {}
        for column, item in enumerate(self._dims):
            unit = _UNITS.get(item.unit, f"_{item.unit}")
            found[f"error_{item.name}{unit}"] = absolute[column] / count[column]
            # a number that never changes has no constant to be compared with
            if constant[column] > 1e-12 * count[column]:
                found[f"relative_{item.name}"] = (squared[column] / constant[column]) ** 0.5
        return found


class NoErrors:
    """For upstream's own data, of which no units are known."""

    def add(self, predicted: torch.Tensor, actions: torch.Tensor) -> None:
        pass

    def result(self, accelerator: Any) -> dict[str, float]:
        return {}


def sample_errors(dataloader: Any) -> SampleErrors | NoErrors:
    """Called with the loader that is sampled from."""
    loader = dataloader.dataset  # upstream's VLAConsumerDataset
    dataset = loader.hdf5_dataset
    if not isinstance(dataset, LiberoDataset):
        return NoErrors()
    mean = loader.dataset_stat[dataset.get_dataset_name()]["action_mean"]
    return SampleErrors(dataset, torch.tensor(mean))
