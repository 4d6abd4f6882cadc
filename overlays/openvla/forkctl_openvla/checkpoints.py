"""Checkpoints: folders `step-NNNNNN` of a run, each whole or not there at all.

step-000100/
    forkctl.json               how to run the policy (sidecar.py)
    dataset_statistics.json    upstream's, also in config.json as norm_stats
    config.json and the processor's files
    adapter/                   LoRA weights
    *.safetensors              merged or full weights, where they were asked for
    training/                  optimizer and random numbers, to go on from here
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

import torch

from forkctl.checkpoints.loading import load_plain
from forkctl.checkpoints.unpickling import check_plain
from forkctl.errors import ForkctlError
from forkctl.inside.sidecar import differences, whole_checkpoints
from forkctl_openvla import lora
from forkctl_openvla.distributed import rank, wait_for_all
from forkctl_openvla.sidecar import ADAPTER, FULL, MERGED, Sidecar
from forkctl_openvla.statistics import save_dataset_statistics

_STEP = "step-"
_STATE = "training/state.pt"


@dataclass(frozen=True)
class Contents:
    """What a checkpoint is made of. `model` is not wrapped in DDP."""

    model: Any
    processor: Any
    optimizer: torch.optim.Optimizer
    statistics: Mapping[str, Any]
    sidecar: Sidecar
    identity: Mapping[str, Any]


def save(run_dir: Path, contents: Contents, *, keep_older: bool) -> Path:
    """Written beside its place by all processes, then renamed by one."""
    target = run_dir / f"{_STEP}{contents.sidecar.step:06d}"
    beside = run_dir / f".{target.name}.partial"
    if rank() == 0:
        shutil.rmtree(beside, ignore_errors=True)
        (beside / "training").mkdir(parents=True)
    wait_for_all()
    torch.save(_random_state(), beside / f"training/rank-{rank()}.pt")
    if rank() == 0:
        _write(beside, contents)
    wait_for_all()
    if rank() == 0:
        shutil.rmtree(target, ignore_errors=True)
        beside.rename(target)
        if not keep_older:
            for older in whole_checkpoints(run_dir, _STEP).values():
                if older != target:
                    shutil.rmtree(older)
    wait_for_all()
    return target


def _write(folder: Path, contents: Contents) -> None:
    model, sidecar = contents.model, contents.sidecar
    base = model.get_base_model() if sidecar.adapter else model
    base.config.norm_stats = {**(base.config.norm_stats or {}), **contents.statistics}
    contents.processor.save_pretrained(folder)
    if sidecar.adapter:
        lora.save_adapter(model, folder / sidecar.adapter)
    if sidecar.weights == MERGED:
        base.save_pretrained(folder, state_dict=lora.merged_weights(model))
    elif sidecar.weights == FULL:
        base.save_pretrained(folder)
    else:
        base.config.save_pretrained(folder)
    save_dataset_statistics(contents.statistics, folder)
    state = {"optimizer": contents.optimizer.state_dict(), "identity": dict(contents.identity)}
    torch.save(state, folder / _STATE)
    sidecar.write(folder)


def to_resume(run_dir: Path, resume: Optional[str]) -> Optional[Path]:
    """The checkpoint to go on from. A run of its own never goes on over another's checkpoints."""
    found = whole_checkpoints(run_dir, _STEP)
    if resume is None:
        if found:
            raise ForkctlError(
                "there are checkpoints of an earlier run",
                where=str(run_dir),
                hint="set training.resume to auto to go on with it, or choose another "
                "run_root_dir or run_id_note",
            )
        return None
    if resume == "auto":
        return found[max(found)] if found else None
    folder = Path(resume)
    if not (folder / _STATE).is_file():
        raise ForkctlError("training.resume names no checkpoint of a run", where=str(folder))
    return folder


def load_weights(model: Any, folder: Path) -> None:
    if (folder / "adapter").is_dir():
        check_plain(folder / "adapter")
        lora.load_adapter(model, folder / "adapter")
        return
    from safetensors.torch import load_file

    missing = set(model.state_dict())
    for part in sorted(folder.glob("*.safetensors")):
        weights = load_file(part)
        model.load_state_dict(weights, strict=False)
        missing -= set(weights)
    if missing:
        raise ForkctlError(f"lacks weights of this model: {sorted(missing)[:3]}", where=str(folder))


def load_optimizer(
    optimizer: torch.optim.Optimizer, folder: Path, identity: Mapping[str, Any]
) -> None:
    """`identity` is what a run may not change if it is to go on as if it had not stopped."""
    state = load_plain(folder / _STATE)
    if apart := differences(state["identity"], identity, identity):
        raise ForkctlError(
            f"the checkpoint is of another run: {'; '.join(apart)}",
            where=str(folder),
            hint="give this run the values that it had, or start anew",
        )
    optimizer.load_state_dict(state["optimizer"])


def load_random_state(folder: Path) -> None:
    state = load_plain(folder / f"training/rank-{rank()}.pt")
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _random_state() -> Dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def weights_kind(*, use_lora: bool, quantised: bool, merge: str, last: bool) -> str:
    if not use_lora:
        return FULL
    if quantised:  # nothing can be merged into four bits: `forkctl ckpt merge` takes the base whole
        return ADAPTER
    return MERGED if merge == "every" or (merge == "end" and last) else ADAPTER
