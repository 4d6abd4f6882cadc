"""Runs in OpenVLA's environment: our worker beside upstream's own predict_action."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from forkctl_openvla.sidecar import Images
from prismatic.extern.hf.modeling_prismatic import OpenVLAForActionPrediction
from prismatic.extern.hf.processing_prismatic import PrismaticImageProcessor, PrismaticProcessor
from transformers import AutoTokenizer

from forkctl.families.openvla import worker as openvla
from forkctl.families.openvla.worker_images import prepared

INSTRUCTIONS = ("put the bowl on the stove", "Open the top drawer of the cabinet")
FRAMES = 6


def frames(seed: int) -> np.ndarray:
    """Blocks of colour: noise would look all the same to a network."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (FRAMES, 4, 4, 3), dtype=np.uint8)
    return np.ascontiguousarray(small.repeat(32, axis=1).repeat(32, axis=2))


def upstreams(checkpoint: Path, frame: np.ndarray, instruction: str, key: str) -> np.ndarray:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    images = PrismaticImageProcessor.from_pretrained(checkpoint)
    processor = PrismaticProcessor(image_processor=images, tokenizer=tokenizer)
    model = MODELS.setdefault(
        checkpoint,
        OpenVLAForActionPrediction.from_pretrained(checkpoint, torch_dtype=torch.bfloat16),
    ).eval()
    prompt = f"In: What action should the robot take to {instruction.lower()}?\nOut:"
    inputs = processor(prompt, frame).to("cpu", dtype=torch.bfloat16)
    return model.predict_action(**inputs, unnorm_key=key, do_sample=False)


MODELS: dict = {}


def lively(checkpoint: Path) -> Path:
    """A copy whose answers differ from image to image: random logits would all say the same."""
    model = OpenVLAForActionPrediction.from_pretrained(checkpoint, torch_dtype=torch.bfloat16)
    torch.manual_seed(1)
    with torch.no_grad():
        model.projector.fc3.weight.mul_(300)
        for layer in model.language_model.model.layers:
            for weight in (layer.self_attn.v_proj.weight, layer.self_attn.o_proj.weight):
                weight.mul_(20)
        # most of what it says are actions, some of it is not
        words = model.language_model.lm_head.weight
        words[:31744].mul_(0.6)
        words[32000:].mul_(0.6)
    copy = checkpoint.with_name("lively")
    model.save_pretrained(copy)
    PrismaticImageProcessor.from_pretrained(checkpoint).save_pretrained(copy)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(copy)
    return copy


def main() -> None:
    words = json.loads(sys.argv[1])
    checkpoint = lively(Path(words["checkpoint"]))
    key = "tiny_pretraining"
    policy = openvla.load(str(checkpoint), "cpu", {})
    treatment: Images = policy.treatment
    asked = [(frame, text) for text in INSTRUCTIONS for frame in frames(0)]
    answers = policy.predict(
        [{"agentview_rgb": frame[None]} for frame, _ in asked], [text for _, text in asked], 0
    )
    ours = np.array([answer["actions"][0] for answer in answers])
    theirs = np.array(
        [upstreams(checkpoint, prepared(frame, treatment), text, key) for frame, text in asked]
    )
    tokens = np.array([answer["tokens"] for answer in answers])
    answer = {
        "same": (ours == theirs).all(axis=1).tolist(),
        "different_answers": len(np.unique(ours, axis=0)),
        "invalid": [each["invalid"] for each in answers],
        "counted": ((tokens < 31744) | (tokens > 31999)).sum(axis=1).tolist(),
        "conventions": policy.conventions,
    }
    print("\n" + json.dumps(answer))


main()
