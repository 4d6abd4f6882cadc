"""Runs in the fork's environment: upstream's T5Embedder on sentences, one file each.

stdin: {"encoder": its name, "offload": whether half of it stays on disk, "sentences": {file: text}}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from models.multimodal_encoder.t5_encoder import T5Embedder  # type: ignore[import-not-found]

from forkctl.scratch import scratch_folder

_BATCH = 8


def main() -> None:
    job = json.load(sys.stdin)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with scratch_folder() as offload:
        embedder = T5Embedder(
            device=device,
            from_pretrained=job["encoder"],
            use_offload_folder=str(offload) if job["offload"] else None,
        )
        items = list(job["sentences"].items())
        for start in range(0, len(items), _BATCH):
            batch = items[start : start + _BATCH]
            embeddings, mask = embedder.get_text_embeddings([text for _, text in batch])
            for number, (file, _) in enumerate(batch):
                # whole or not at all: another run may look for it now
                part = Path(file + ".part")
                torch.save(embeddings[number][mask[number].bool()].cpu(), part)
                part.replace(file)


if __name__ == "__main__":
    main()
