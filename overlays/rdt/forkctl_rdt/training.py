"""What the patched lines of upstream's train() call."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Mapping

import torch

from forkctl_rdt.checkpoints import checkpoint_saved
from forkctl_rdt.plan import plan_of


def model_dtype(config: Mapping[str, Any], args: Namespace, dtype: torch.dtype) -> torch.dtype:
    """The weights' own type. In bfloat16 most updates of a fine-tune are too small to be seen, so
    they are kept in float32 and autocast does the rest; DeepSpeed keeps such a copy itself."""
    plan = plan_of(config)
    if plan is None or not plan.options.master_weights or args.deepspeed is not None:
        return dtype
    return torch.float32


def average_dtype(config: Mapping[str, Any], dtype: torch.dtype) -> torch.dtype:
    """That of the average of the weights, whoever holds the weights themselves."""
    return dtype if plan_of(config) is None else torch.float32


def keep_types(model: torch.nn.Module) -> None:
    """Let a norm answer in the type that it is asked in. With float32 weights under autocast it
    would answer in float32, and attention, which has one value of three unnormed, refuses that."""
    for module in model.modules():
        if type(module).__name__.lower() == "rmsnorm":
            module.register_forward_hook(lambda _, asked, answer: answer.to(asked[0].dtype))


def save_beside_checkpoint(
    folder: str, config: Mapping[str, Any], args: Namespace, accelerator: Any
) -> None:
    plan = plan_of(config)
    accelerator.wait_for_everyone()
    if plan is not None and accelerator.is_main_process:
        checkpoint_saved(folder, plan.sidecar, args.checkpoints_total_limit)


def save_beside_model(folder: str, config: Mapping[str, Any]) -> None:
    plan = plan_of(config)
    if plan is not None:
        plan.sidecar.write(folder)
