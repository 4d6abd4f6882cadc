"""What a run writes of each step and of each sampling."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
import torch

from forkctl.families.rdt.vectors import RdtLayout
from forkctl.inside import metrics
from forkctl_rdt.dataset import LiberoDataset

_UNITS = {"1": "", "m/s": "_m_per_s", "rad/s": "_rad_per_s"}


class StepMetrics:
    """Writes on the main process alone. Upstream counts epochs from 0."""

    def __init__(self, accelerator: Any, samples_per_step: int) -> None:
        path = metrics.asked_for() if accelerator.is_main_process else None
        self._metrics = metrics.StepMetrics(path)
        self._samples = samples_per_step

    def step(self, step: int, epoch: int, loss: float, lr: float, grad_norm: Any) -> None:
        norm = None if grad_norm is None else float(grad_norm)
        self._metrics.step(step, epoch + 1, self._samples, loss=loss, lr=lr, grad_norm=norm)

    def sampled(self, step: int, epoch: int, errors: Mapping[str, float]) -> None:
        """What is below 1 where something was learnt comes first, and is shown during the run."""
        told = sorted(errors, key=lambda name: not name.startswith("relative_"))
        self._metrics.valid(step, epoch + 1, {name: errors[name] for name in told})


class SampleErrors:
    """How far sampled actions are from those of the demos, for each number in its own unit.

    `error_X` is the mean absolute error. `relative_X` is the root mean square error over that of
    the mean action of the data: a policy that has learnt X is below 1. Padding at the end of a demo
    counts as upstream counts it, like any other step.
    """

    def __init__(self, layout: RdtLayout, action_mean: Sequence[float]) -> None:
        self._layout = layout
        self._constant = np.array(action_mean)
        self._sums = np.zeros((4, len(layout.error_names)))

    def add(self, predicted: torch.Tensor, actions: torch.Tensor) -> None:
        truth = actions.double().cpu().numpy()
        apart = self._layout.errors(predicted.double().cpu().numpy(), truth).reshape(
            -1, len(self._layout.error_names)
        )
        constant = self._layout.errors(np.broadcast_to(self._constant, truth.shape), truth).reshape(
            apart.shape
        )
        self._sums += [
            np.abs(apart).sum(0),
            np.square(apart).sum(0),
            np.square(constant).sum(0),
            np.full(apart.shape[1], len(apart)),
        ]

    def result(self, accelerator: Any) -> dict[str, float]:
        """Over all processes, unrounded."""
        sums = torch.tensor(self._sums, dtype=torch.float32, device=accelerator.device)
        absolute, squared, constant, count = accelerator.gather(sums[None]).double().sum(0).tolist()
        found = {}
        for column, (name, unit) in enumerate(self._layout.error_names):
            if count[column]:
                found[f"error_{name}{_UNITS.get(unit, f'_{unit}')}"] = (
                    absolute[column] / count[column]
                )
            # a number that never changes has no constant to be compared with
            if constant[column] > 1e-12 * count[column]:
                found[f"relative_{name}"] = (squared[column] / constant[column]) ** 0.5
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
    return SampleErrors(dataset.layout, mean)
