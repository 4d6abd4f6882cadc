"""Read the tensors of a checkpoint without running its code, and fill a model with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from forkctl.checkpoints.arrays import NumbersOnly
from forkctl.checkpoints.sections import sections_of
from forkctl.checkpoints.transfer import TensorOutcome, TransferPlan
from forkctl.checkpoints.unpickling import read_pickled_structure
from forkctl.errors import ForkctlError


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary in a .pth or .safetensors file, on the CPU, without running any of it."""
    if not path.is_file():
        raise ForkctlError("there is no such file", where=str(path), hint="check ckpt_path")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return {"model": {"nets": dict(load_file(str(path)))}}
    content = load_plain(path)
    if not isinstance(content, dict):
        raise ForkctlError("the file does not contain a dictionary", where=str(path))
    held = isinstance(content.get("model"), Mapping)
    return content if held else {"model": tensors_of(content)}


def tensors_of(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The sections of what was loaded, as a plan sees them."""
    import torch

    return sections_of(content, torch.is_tensor)


def load_plain(path: Path) -> Any:
    """What `torch.save` wrote, on the CPU; a file that would run code is refused."""
    import torch

    # also names what the file wants to run; torch is less clear about it, and older ones are fooled
    read_pickled_structure(path)
    try:
        return torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as refused:  # torch's own pickling error, or RuntimeError on damage
        problem: Exception = refused
    # some files have numpy numbers beside the weights (such as a best return), which torch takes
    # for code; the unpickler below resolves only the names known to be harmless
    known = SimpleNamespace(Unpickler=NumbersOnly, load=_load, __name__="pickle")
    try:
        return torch.load(str(path), map_location="cpu", weights_only=False, pickle_module=known)
    except Exception:
        raise ForkctlError(
            f"torch does not load it as plain weights: {problem}",
            where=str(path),
            hint="was the download complete? then save the weights again with nothing beside them",
        ) from problem


def _load(stream: Any, **options: Any) -> Any:
    return NumbersOnly(stream, **options).load()


def require_finite(section: str, tensors: Mapping[str, Any]) -> None:
    """Refuse weights with NaN or infinity in them: they spoil whatever takes them over, and their
    average does so unseen, because the loss is that of the weights."""
    bad = [
        name
        for name, tensor in tensors.items()
        if hasattr(tensor, "isfinite") and not bool(tensor.isfinite().all())
    ]
    if bad:
        some = ", ".join(bad[:3]) + (" and others" if len(bad) > 3 else "")
        raise ForkctlError(
            f"{len(bad)} of its {len(tensors)} tensors hold NaN or infinity: {some}",
            where=section,
            hint="the run that saved it had diverged: take an earlier checkpoint",
        )


def filled_state(
    plan: TransferPlan, source: Mapping[str, Any], target: Mapping[str, Any]
) -> dict[str, Any]:
    """The model's whole state with the plan carried out; `target` itself is not touched.

    It is built separately and loaded in one strict step, so that a model is never left half loaded
    when something goes wrong in between.
    """
    state = {name: tensor.clone() for name, tensor in target.items()}
    for move in plan.taken:
        assert move.source is not None
        value = source[move.source].to(state[move.target].dtype)
        if move.outcome is TensorOutcome.GROWN:
            state[move.target].zero_()
            state[move.target][:, : value.shape[1]] = value
        else:
            state[move.target] = value
    return state
