"""`python -m forkctl_openvla.merging CHECKPOINT OUT [BASE]`: merge an adapter into its base.

What a run merges itself has the same bytes, on the same kind of device. The base is loaded in the
precision that the run computed in, also where the run held it in four bits.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import torch
from peft import PeftModel
from peft.utils.save_and_load import load_peft_weights
from prismatic.extern.hf.modeling_prismatic import OpenVLAForActionPrediction
from prismatic.extern.hf.processing_prismatic import PrismaticImageProcessor, PrismaticProcessor
from transformers import AutoTokenizer

from forkctl.checkpoints.unpickling import check_plain
from forkctl.errors import ForkctlError
from forkctl.families.openvla.worker_checkpoint import STATISTICS, describe, statistics_in
from forkctl.inside.sidecar import FILE
from forkctl_openvla import lora
from forkctl_openvla.options import FP32
from forkctl_openvla.sidecar import ADAPTER, MERGED, Sidecar


def merge(checkpoint: Path, out: Path, moved: Optional[Path] = None) -> None:
    """`out` is there when it is whole. `moved` is where the base lies now."""
    described = describe(checkpoint)
    if described.adapter is None:
        raise ForkctlError("its weights are whole already", where=str(checkpoint))
    if out.exists():
        raise ForkctlError(
            "there is something already", where=str(out), hint="choose another place with --out"
        )
    said = Sidecar.read(checkpoint) if (checkpoint / FILE).is_file() else None
    adapter, weights = Path(described.adapter), str(moved or described.weights)
    if Path(weights).is_absolute() and not Path(weights).is_dir():
        raise ForkctlError(
            "the base that it was trained on is gone",
            where=weights,
            hint="say with --base where it lies now",
        )
    for place in (adapter, Path(weights)):
        check_plain(place)
    precision = (said.training if said else {}).get("precision")
    model = _adapted(weights, adapter, torch.float32 if precision == FP32 else torch.bfloat16)

    base = model.get_base_model()
    base.config.norm_stats = {**(base.config.norm_stats or {}), **statistics_in(checkpoint)}
    beside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    processor = weights if described.processor == described.weights else described.processor
    images = PrismaticImageProcessor.from_pretrained(processor)
    tokenizer = AutoTokenizer.from_pretrained(processor)
    PrismaticProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(beside)
    base.save_pretrained(beside, state_dict=lora.merged_weights(model))
    shutil.copytree(adapter, beside / ADAPTER, ignore=shutil.ignore_patterns("training"))
    if (checkpoint / STATISTICS).is_file():
        shutil.copy(checkpoint / STATISTICS, beside)
    if said is not None:
        replace(said, weights=MERGED, adapter=ADAPTER).write(beside)
    beside.rename(out)


def _adapted(base: str, adapter: Path, dtype: torch.dtype) -> Any:
    """The weights of the adapter in the precision that they were saved in."""
    whole = OpenVLAForActionPrediction.from_pretrained(
        base, torch_dtype=dtype, low_cpu_mem_usage=True
    )
    model = PeftModel.from_pretrained(whole, str(adapter), is_trainable=True)
    saved = load_peft_weights(str(adapter), device="cpu")
    if any(weight.dtype == torch.float32 for weight in saved.values()):
        lora.keep_in_float32(model)
        lora.load_adapter(model, adapter)
    return model


if __name__ == "__main__":
    try:
        merge(*map(Path, sys.argv[1:]))
    except ForkctlError as error:
        sys.exit(f"forkctl: {error}")
