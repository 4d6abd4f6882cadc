"""`python -m forkctl.families.openvla.tiny OUT`: an OpenVLA of a few million random weights.

It has everything in which the 7B checkpoint differs from an ordinary language model: two vision
backbones, the ids of the action tokens, the empty token before them, the padding token, and the
statistics of another dataset in its config. `tiny.tokenizer` says what the ids mean.

    forkctl env exec openvla -- python -m forkctl.families.openvla.tiny ~/tiny-openvla
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from prismatic.extern.hf.configuration_prismatic import (  # type: ignore[import-not-found]
    OpenVLAConfig,
)
from prismatic.extern.hf.modeling_prismatic import (  # type: ignore[import-not-found]
    OpenVLAForActionPrediction,
)
from prismatic.extern.hf.processing_prismatic import (  # type: ignore[import-not-found]
    PrismaticImageProcessor,
    PrismaticProcessor,
)

from forkctl.families.openvla.tiny_tokenizer import PADDED_VOCABULARY, PADDING, tokenizer

IMAGE = 64  # 16 patches of 16 pixels
BACKBONE = "vit_tiny_patch16_224"
# What the first backbone was trained on (ImageNet's) and what the second was: they differ in the
# 7B checkpoint, so that swapped channels cannot pass a test of the images.
MEANS = [(0.485, 0.456, 0.406), (0.5, 0.5, 0.5)]
STDS = [(0.229, 0.224, 0.225), (0.5, 0.5, 0.5)]


def make(out: Path, seed: int = 0, hidden: int = 64, layers: int = 2) -> None:
    """Write model, processor and config to a folder, in the form of the published checkpoint."""
    torch.manual_seed(seed)
    config = _config(hidden, layers)
    model = OpenVLAForActionPrediction(config)
    _enliven(model)
    model.to(torch.bfloat16).save_pretrained(out)
    images = PrismaticImageProcessor(
        use_fused_vision_backbone=True,
        image_resize_strategy=config.image_resize_strategy,
        input_sizes=[(3, IMAGE, IMAGE)] * 2,
        interpolations=["bicubic"] * 2,
        means=MEANS,
        stds=STDS,
    )
    PrismaticProcessor(image_processor=images, tokenizer=tokenizer()).save_pretrained(out)


def _enliven(model: Any) -> None:
    """Weights of the size that keeps signals as large as they came.

    Those of upstream's initialisation are so small that hardly anything of an image, and nothing of
    where in it something is, reaches the answer; a low-rank adapter learns little through them. The
    last layer keeps them: its answers begin as good as uniform.
    """
    parts = (model.vision_backbone, model.projector, model.language_model.model)
    with torch.no_grad():
        for part in parts:
            for module in part.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.normal_(std=module.in_features**-0.5)
                elif isinstance(module, torch.nn.Conv2d):
                    module.weight.normal_(std=module.weight[0].numel() ** -0.5)
                elif isinstance(module, torch.nn.Embedding):
                    module.weight.normal_(std=0.5)
        for name, values in model.named_parameters():
            if name.endswith("pos_embed"):
                values.normal_(std=0.5)


def _config(hidden: int, layers: int) -> Any:
    return OpenVLAConfig(
        vision_backbone_id="dinosiglip-vit-so-224px",
        llm_backbone_id="llama2-7b-pure",
        arch_specifier="no-align+fused-gelu-mlp",
        image_resize_strategy="resize-naive",
        pad_token_id=PADDING,
        pad_to_multiple_of=64,
        text_config={
            "vocab_size": PADDED_VOCABULARY,
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "max_position_embeddings": 512,
            "pad_token_id": PADDING,
        },
        # these override what the names of the backbones stand for
        timm_model_ids=[BACKBONE, BACKBONE],
        timm_override_act_layers=[None, None],
        image_sizes=[IMAGE, IMAGE],
        norm_stats={"tiny_pretraining": _other_statistics()},
        torch_dtype=torch.bfloat16,
    )


def _other_statistics() -> dict[str, Any]:
    """Unlike any LIBERO suite's: an action un-normalised with these is seen to be wrong."""
    action = {
        "mean": [0.0] * 7,
        "std": [0.01] * 7,
        "min": [-0.05] * 6 + [0.0],
        "max": [0.05] * 6 + [1.0],
        "q01": [-0.03] * 6 + [0.0],
        "q99": [0.03] * 6 + [1.0],
        "mask": [True] * 6 + [False],
    }
    return {"action": action, "num_transitions": 1000, "num_trajectories": 10}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a tiny random OpenVLA checkpoint.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=64, help="width of the language model")
    parser.add_argument("--layers", type=int, default=2)
    words = parser.parse_args()
    make(words.out, words.seed, words.hidden, words.layers)
    print(words.out)


if __name__ == "__main__":
    main()
