"""Runs in OpenVLA's environment: what the worker makes of the checkpoints of a run."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from prismatic.extern.hf.modeling_prismatic import OpenVLAForActionPrediction
from prismatic.extern.hf.processing_prismatic import PrismaticProcessor

from forkctl.families.openvla import worker as openvla
from forkctl.families.openvla.worker_images import prepared

INSTRUCTION = "pick up the black bowl"
KEY = "libero_spatial"


def frame() -> np.ndarray:
    small = np.random.default_rng(5).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.ascontiguousarray(small.repeat(16, axis=0).repeat(16, axis=1))


def logits(model: Any) -> torch.Tensor:
    torch.manual_seed(0)
    with torch.inference_mode():
        pixels = torch.randn(1, 6, 64, 64).bfloat16()
        return model(input_ids=torch.arange(300, 320)[None], pixel_values=pixels).logits


def asked(policy: Any, variant: str | None = None) -> dict[str, Any]:
    words = ([{"agentview_rgb": frame()[None]}], [INSTRUCTION])
    said = policy.predict_as(variant, *words, 0) if variant else policy.predict(*words, 0)
    return {"actions": said[0]["actions"].tolist(), "tokens": said[0]["tokens"].tolist()}


def upstreams(folder: Path, policy: Any) -> list[float]:
    """The merged folder, by upstream's own class, with the statistics in its config."""
    model = OpenVLAForActionPrediction.from_pretrained(folder, torch_dtype=torch.bfloat16).eval()
    processor = PrismaticProcessor(image_processor=policy.images, tokenizer=policy.tokenizer)
    prompt = f"In: What action should the robot take to {INSTRUCTION}?\nOut:"
    picture = prepared(frame(), policy.treatment)
    inputs = processor(prompt, picture).to("cpu", dtype=torch.bfloat16)
    return model.predict_action(**inputs, unnorm_key=KEY, do_sample=False).tolist()


def changed(folder: Path, **actions: Any) -> Path:
    """A copy whose side-car says that training changed the actions."""
    copy = folder.with_name("changed")
    shutil.copytree(folder, copy)
    sidecar = json.loads((copy / "forkctl.json").read_text())
    sidecar["actions"].update(actions)
    (copy / "forkctl.json").write_text(json.dumps(sidecar))
    return copy


def main() -> None:
    words = {name: Path(path) for name, path in json.loads(sys.argv[1]).items()}
    base = OpenVLAForActionPrediction.from_pretrained(words["base"], torch_dtype=torch.bfloat16)
    adapted = openvla.load(str(words["adapter"]), "cpu", {})
    model = adapted._model
    with model.disable_adapter():
        disabled = logits(adapted._openvla)
    merged = openvla.load(str(words["merged"]), "cpu", {})
    same = {"like": str(words["merged"])}
    altered = openvla.load(str(changed(words["merged"], scale=2.0, repeat=4)), "cpu", {})
    answer = {
        "disabled_is_base": torch.equal(disabled, logits(base.eval())),
        "enabled_is_base": torch.equal(logits(adapted._openvla), logits(base)),
        "base_of_adapter": asked(adapted, "base"),
        "adapter": asked(adapted),
        "base_of_merged": asked(merged, "base"),
        "merged": asked(merged),
        "base": asked(openvla.load(str(words["base"]), "cpu", same)),
        "upstream": upstreams(words["merged"], merged),
        "altered": asked(altered),
        "conventions": [adapted.conventions, merged.conventions, altered.conventions],
    }
    print("\n" + json.dumps(answer))


main()
