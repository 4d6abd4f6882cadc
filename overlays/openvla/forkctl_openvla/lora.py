"""LoRA as the options want it, and its weights merged without touching the model in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import torch

from forkctl.errors import ForkctlError
from forkctl_openvla.options import TrainingOptions

_ADAPTER = "default"


def configure(config: Any, options: TrainingOptions) -> None:
    """Of a peft LoraConfig, what upstream has no flag for."""
    if options.lora_alpha is not None:
        config.lora_alpha = options.lora_alpha
    targets = options.peft_targets()
    config.target_modules = targets if isinstance(targets, str) else set(targets)


def keep_in_float32(model: torch.nn.Module) -> None:
    """peft gives new weights the base's bfloat16, whose steps are 0.4 % of the value: a small
    learning rate never moves most of them."""
    for name, weight in model.named_parameters():
        if weight.requires_grad and "lora_" in name:
            weight.data = weight.data.float()


def save_adapter(model: Any, folder: Path) -> None:
    # The base's own embeddings and head are frozen; without the keyword peft saves them too.
    model.save_pretrained(folder, save_embedding_layers=False)


def load_adapter(model: Any, folder: Path) -> None:
    from peft.utils.save_and_load import load_peft_weights, set_peft_model_state_dict

    weights = load_peft_weights(str(folder), device="cpu")
    try:
        found = set_peft_model_state_dict(model, weights)
    except RuntimeError as error:  # another rank
        raise ForkctlError(f"does not fit this model: {error}", where=str(folder)) from None
    unknown = list(getattr(found, "unexpected_keys", []))
    if unknown:
        raise ForkctlError(
            f"has LoRA weights that this model lacks: {unknown[:3]}", where=str(folder)
        )


def merged_weights(model: Any) -> Dict[str, torch.Tensor]:
    """The base's state dict with each adapted weight replaced by its merge, on the CPU: what peft's
    merge_and_unload gives on a copy of the base, which need not be loaded for it."""
    base = model.get_base_model()
    layers = {
        f"{name}.base_layer.weight": layer
        for name, layer in base.named_modules()
        if _ADAPTER in getattr(layer, "lora_A", {})
    }
    weights = {}
    for name, weight in base.state_dict().items():
        if ".lora_" in name:
            continue
        merged = weight
        if name in layers:
            if not weight.is_floating_point():
                raise ForkctlError(
                    "quantised weights cannot be merged",
                    hint="set training.merge to never, and merge the adapter afterwards",
                )
            with torch.no_grad():
                merged = weight.detach().clone()
                merged += layers[name].get_delta_weight(_ADAPTER)
        weights[name.replace(".base_layer.", ".")] = merged.cpu()
    return weights
