"""DDP where there is more than one process, and something with the same face where there is not."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel


class Undistributed(torch.nn.Module):
    """`module`, as the code around DDP expects it."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)


def distribute(module: torch.nn.Module, **options: Any) -> torch.nn.Module:
    """Called in place of DistributedDataParallel."""
    if torch.distributed.is_initialized():
        return DistributedDataParallel(module, **options)
    return Undistributed(module)


def rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def world_size() -> int:
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def sum_over_all(values: torch.Tensor) -> torch.Tensor:
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
    return values


def wait_for_all() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
