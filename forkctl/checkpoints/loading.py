"""Move tensors: read them from a checkpoint without running its code, and fill a model's state."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from forkctl.checkpoints.transfer import TransferPlan, Verdict
from forkctl.checkpoints.unpickling import is_harmless, read_pickled_structure
from forkctl.errors import ForkctlError


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary that a .pth or .safetensors file holds, on the CPU, with nothing of it run."""

    if not path.is_file():
        raise ForkctlError("there is no such file", where=str(path), hint="check ckpt_path")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return {"model": {"nets": dict(load_file(str(path)))}}
    read_pickled_structure(path)  # names what the file wants to run; torch says it less plainly
    content = _loaded(path)
    if not isinstance(content, dict):
        raise ForkctlError("the file holds no dictionary", where=str(path))
    return content if "model" in content else {"model": {"nets": content}}


def _loaded(path: Path) -> Any:
    import torch

    try:
        return torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as refused:  # torch's own pickling error, or RuntimeError on damage
        problem: Exception = refused
    # some save numpy numbers beside the weights (a best return, say), which torch counts as
    # code; the unpickler below resolves the known harmless names and no other
    known = SimpleNamespace(Unpickler=_KnownNames, __name__="pickle")
    try:
        return torch.load(str(path), map_location="cpu", weights_only=False, pickle_module=known)
    except Exception:
        raise ForkctlError(
            f"torch does not load it as plain weights: {problem}",
            where=str(path),
            hint="was the download complete? else save its weights again, with nothing beside them",
        ) from problem


class _KnownNames(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if not is_harmless(module, name):
            raise pickle.UnpicklingError(f"{module}.{name} is refused")
        return super().find_class(module, name)


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
