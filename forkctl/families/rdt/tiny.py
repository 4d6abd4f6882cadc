"""Tiny SigLIP and T5 encoders with random weights, and a size of RDT that goes with them.

    forkctl env exec rdt -- python -m forkctl.families.rdt.tiny OUT

writes OUT/siglip, OUT/t5 and OUT/model.yaml (changes to upstream's configs/base.yaml). T5 keeps its
width of 4096, because RDT's embedding of the empty instruction has it. The tokenizer is by bytes
and needs no vocabulary.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

T5_WIDTH = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--patch-size", type=int, default=8)
    parser.add_argument("--vision-width", type=int, default=32)
    parser.add_argument("--width", type=int, default=64, help="hidden size of RDT")
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    import torch

    torch.manual_seed(asked.seed)
    make_siglip(asked.out / "siglip", asked.image_size, asked.patch_size, asked.vision_width)
    make_t5(asked.out / "t5")
    changes = model_changes(asked.width, asked.depth, asked.vision_width)
    # JSON is YAML, and needs no library to write
    (asked.out / "model.yaml").write_text(json.dumps(changes, indent=2) + "\n", encoding="utf-8")


def make_siglip(out: Path, image_size: int, patch_size: int, width: int) -> None:
    from transformers import (  # type: ignore[import-not-found]
        SiglipImageProcessor,
        SiglipVisionConfig,
        SiglipVisionModel,
    )

    config = SiglipVisionConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=image_size,
        patch_size=patch_size,
    )
    SiglipVisionModel(config).save_pretrained(out)
    size = {"height": image_size, "width": image_size}
    SiglipImageProcessor(size=size, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(out)


def make_t5(out: Path) -> None:
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    tokenizer = ByT5Tokenizer()
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=T5_WIDTH,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    T5EncoderModel(config).save_pretrained(out)
    tokenizer.save_pretrained(out)


def model_changes(width: int, depth: int, vision_width: int) -> dict[str, Any]:
    """What differs from upstream's own configs/base.yaml."""
    return {
        "model": {
            "img_token_dim": vision_width,
            "rdt": {"hidden_size": width, "depth": depth, "num_heads": 4},
        }
    }


if __name__ == "__main__":
    main()
