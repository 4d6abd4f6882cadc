"""T5's output for an instruction: from the run's folder, or else from T5 itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from models.multimodal_encoder.t5_encoder import T5Embedder

from forkctl.checkpoints.loading import load_plain
from forkctl.errors import ForkctlError

_INDEX = "sentences.json"  # task -> sentence, beside the <task>.pt


class Language:
    def __init__(self, folder: Path, text_encoder: str, device: torch.device) -> None:
        self._text_encoder = text_encoder
        self._device = device
        self._embedder: Any = None
        self._known: dict[str, torch.Tensor] = {}
        index = folder / _INDEX
        if index.is_file():
            for task, text in json.loads(index.read_text(encoding="utf-8")).items():
                self._known[text] = load_plain(folder / f"{task}.pt")

    def embedding(self, text: str) -> torch.Tensor:
        """(tokens, width)"""
        if text not in self._known:
            self._known[text] = self._embed(text)
        return self._known[text]

    def _embed(self, text: str) -> torch.Tensor:
        if self._embedder is None:
            if not self._text_encoder:
                raise ForkctlError(
                    f"there is no embedding of {text!r}, and no text encoder to make it",
                    hint="name one: --policy-option text_encoder=FOLDER",
                )
            self._embedder = T5Embedder(self._device, self._text_encoder)
        embeddings, mask = self._embedder.get_text_embeddings([text])
        found: torch.Tensor = embeddings[0][mask[0].bool()].cpu()
        return found
