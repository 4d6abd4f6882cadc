"""Move tensors: read them from a checkpoint without running its code, and fill a model's state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forkctl.checkpoints.transfer import TransferPlan, Verdict
from forkctl.checkpoints.unpickling import read_pickled_structure
from forkctl.errors import ForkctlError


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary that a .pth or .safetensors file holds, on the CPU, with nothing of it run."""
    import torch

    if not path.is_file():
        raise ForkctlError("there is no such file", where=str(path), hint="check ckpt_path")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return {"model": {"nets": dict(load_file(str(path)))}}
    read_pickled_structure(path)  # names what the file wants to run; torch says it less plainly
    try:
        content = torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises its own pickling error, or RuntimeError on damage
        raise ForkctlError(
            f"torch does not load it as plain weights: {error}",
            where=str(path),
            hint="save its weights again with plain Python numbers beside them",
        ) from error
    if not isinstance(content, dict):
        raise ForkctlError("the file holds no dictionary", where=str(path))
    return content if "model" in content else {"model": {"nets": content}}


def filled_state(
    plan: TransferPlan, source: Mapping[str, Any], target: Mapping[str, Any]
) -> dict[str, Any]:
    """The model's whole state with the plan carried out; `target` itself is not touched.

    Building it apart and loading it in one strict step is what keeps a model from being left half
    loaded when something goes wrong in between.
    """
    state = {name: tensor.clone() for name, tensor in target.items()}
    for move in plan.taken:
        assert move.source is not None
        value = source[move.source].to(state[move.target].dtype)
        if move.verdict is Verdict.GROWN:
            state[move.target].zero_()
            state[move.target][:, : value.shape[1]] = value
        else:
            state[move.target] = value
    return state
