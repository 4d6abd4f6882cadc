"""Runs in OpenVLA's environment: LoRA's weights, how they merge, and what moves them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from forkctl_openvla import lora, options
from forkctl_openvla.session import LiberoRun
from peft import LoraConfig, PeftModel, get_peft_model
from prismatic.extern.hf.modeling_prismatic import OpenVLAForActionPrediction
from safetensors.torch import load_file

words = json.loads(sys.argv[1])


def base() -> Any:
    return OpenVLAForActionPrediction.from_pretrained(
        words["checkpoint"], torch_dtype=torch.bfloat16
    )


def prepared(rate: float, **training: Any) -> Any:
    """A model with LoRA as finetune.py and its hooks make it."""
    cfg = SimpleNamespace(use_lora=True, learning_rate=rate, max_steps=9)
    run = LiberoRun(cfg, options.parse({"training": training}), Path(words["scratch"]))
    config = LoraConfig(
        r=8, lora_alpha=8, target_modules="all-linear", init_lora_weights="gaussian"
    )
    run.configure_lora(config)
    model = get_peft_model(base(), config)
    run.prepare(model)
    return model.train()


def loss_of(model: Any) -> torch.Tensor:
    torch.manual_seed(1)
    ids = torch.randint(5, 31000, (2, 12))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=torch.randn(2, 6, 64, 64, dtype=torch.bfloat16),
            labels=ids,
        )
    return output.loss


def share_moved(rate: float, **training: Any) -> float:
    """Of lora_A, after a few steps. The first step moves none of it: lora_B is zero before."""
    model = prepared(rate, **training)
    weights = {n: p for n, p in model.named_parameters() if "lora_A" in n and p.requires_grad}
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate)
    for _ in range(4):
        loss_of(model).backward()
        optimizer.step()
        optimizer.zero_grad()
    # upstream takes the features before the last block of a tower, whose weights get no gradient
    used = [name for name, weight in weights.items() if weight in optimizer.state]
    moved = sum(int((weights[name] != before[name]).sum()) for name in used)
    return moved / sum(before[name].numel() for name in used)


def gradients(**training: Any) -> tuple[torch.Tensor, bool]:
    model = prepared(5e-4, **training)
    loss_of(model).backward()
    found = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return torch.cat(found), bool(model.is_gradient_checkpointing)


answer: dict[str, Any] = {
    "moved": {said: share_moved(2e-5, lora_fp32=said) for said in ("auto", "never")},
}

plain, was_on = gradients()
checkpointed, is_on = gradients(gradient_checkpointing=True)
answer["checkpointing"] = [
    was_on,
    is_on,
    float((plain - checkpointed).abs().max() / plain.abs().max()),
]

attention = prepared(5e-4, lora_targets="attention", lora_alpha=32)
names = {name.split(".lora_A")[0] for name, _ in attention.named_parameters() if "lora_A" in name}
answer["attention"] = sorted({name.rpartition(".")[2] for name in names})
answer["layers"] = len(names)
answer["scaling"] = attention.base_model.model.language_model.model.layers[
    0
].self_attn.q_proj.scaling

# Merged by us in the run, and by peft afterwards.
merged = load_file(Path(words["merged"]) / "model.safetensors")
adapter = load_file(Path(words["merged"]) / "adapter" / "adapter_model.safetensors")
by_peft = PeftModel.from_pretrained(base(), Path(words["merged"]) / "adapter", is_trainable=True)
lora.keep_in_float32(by_peft)  # as trained; peft alone would round the adapter to the base's dtype
lora.load_adapter(by_peft, Path(words["merged"]) / "adapter")
theirs = by_peft.merge_and_unload().to(torch.bfloat16).state_dict()
weights = base().state_dict()
loaded = OpenVLAForActionPrediction.from_pretrained(words["merged"], torch_dtype=torch.bfloat16)
answer["merge"] = {
    "same": all(torch.equal(merged[name], theirs[name]) for name in merged),
    "names": sorted(set(theirs) ^ set(loaded.state_dict())),
    "changed": sum(
        not torch.equal(merged[n], w) for n, w in base().state_dict().items() if n in merged
    ),
    "adapted": sum("lora_A" in name for name in adapter),
    "dtypes": sorted({str(weight.dtype) for weight in adapter.values()}),
    "others": sorted({name for name in adapter if ".lora_" not in name}),
}
in_training = prepared(5e-4, merge="end")
before = {name: weight.clone() for name, weight in in_training.state_dict().items()}
lora.merged_weights(in_training)
answer["untouched"] = all(torch.equal(before[n], w) for n, w in in_training.state_dict().items())
print("\n" + json.dumps(answer))
