"""OpenVLA's checkpoints: as forkctl's runs save them, as upstream's do, and as the hub has them.

Upstream's `predict_action` takes one image at a time. This takes a batch, counts the tokens that
are no actions, and otherwise does the same thing: tests/upstream/openvla compares the two.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from prismatic.extern.hf.modeling_prismatic import (  # type: ignore[import-not-found]
    OpenVLAForActionPrediction,
)
from prismatic.extern.hf.processing_prismatic import (  # type: ignore[import-not-found]
    PrismaticImageProcessor,
)
from transformers import AutoTokenizer  # type: ignore[import-not-found]

from forkctl.checkpoints.unpickling import check_plain
from forkctl.families.openvla.worker_checkpoint import describe, statistics_of
from forkctl.families.openvla.worker_images import prepared

BASE = "base"
BATCH = 16
WIDTH = 7
EMPTY = 29871  # the lone space between prompt and action: training has it, the prompt does not
PROMPT = "In: What action should the robot take to {}?\nOut:"


def load(checkpoint: str, device: str, options: dict[str, Any]) -> OpenVLAPolicy:
    if "proprio" in inspect.signature(OpenVLAForActionPrediction.forward).parameters:
        raise NotImplementedError("openvla-oft's policies answer in another way; not known here")
    return OpenVLAPolicy(Path(checkpoint), device, options)


class OpenVLAPolicy:
    """A checkpoint, and the base that it was fine-tuned from."""

    def __init__(self, checkpoint: Path, device: str, options: dict[str, Any]) -> None:
        self.device = torch.device(device)
        self.described = describe(checkpoint)
        # A base is shown and judged what its fine-tuned one is, which an option then names.
        like = Path(options.get("like") or checkpoint)
        said = describe(like)
        self.treatment, self.actions = said.images, said.actions
        self.unnorm_key, statistics = statistics_of(like, options.get("unnorm_key"))
        self.images = PrismaticImageProcessor.from_pretrained(self.described.processor)
        self.tokenizer = AutoTokenizer.from_pretrained(self.described.processor)
        action = statistics["action"]
        self.low, self.high = np.array(action["q01"]), np.array(action["q99"])
        self.mask = np.array(action.get("mask", [True] * WIDTH))
        self._face = ""
        self._model: Any = None
        self._become("fine-tuned")

    @property
    def conventions(self) -> dict[str, Any]:
        return {
            "observations": [self.treatment.camera],
            "chunk": self.actions.repeat,
            "actions": "openvla",
            "rotate_images": self.treatment.rotate_180,
            "batch": BATCH,
            "frame_size": self.treatment.frame,
            "variants": [BASE] if self.described.base is not None else [],
        }

    def predict(
        self, observations: Sequence[dict[str, Any]], instructions: Sequence[str], seed: int
    ) -> list[dict[str, Any]]:
        self._become("fine-tuned")
        return self._answers(observations, instructions)

    def predict_as(
        self,
        variant: str,
        observations: Sequence[dict[str, Any]],
        instructions: Sequence[str],
        seed: int,
    ) -> list[dict[str, Any]]:
        """The base: adapters disabled, or its own weights where they were merged."""
        assert variant == BASE
        if self.described.adapter is None:
            self._become(BASE)
            return self._answers(observations, instructions)
        with self._model.disable_adapter():
            return self._answers(observations, instructions)

    def _become(self, face: str) -> None:
        """Two models of 15 GB rarely fit side by side: one makes room for the other."""
        if face == self._face or (face == BASE and self.described.adapter is not None):
            return
        self._model = None
        weights = str(self.described.base if face == BASE else self.described.weights)
        if Path(weights).is_absolute() and not Path(weights).exists():
            raise FileNotFoundError(f"the weights that it was trained from are gone: {weights}")
        for place in {weights, self.described.adapter or weights}:
            check_plain(Path(place))
        model = OpenVLAForActionPrediction.from_pretrained(
            weights, torch_dtype=torch.bfloat16, low_cpu_mem_usage=True
        )
        if self.described.adapter is not None:
            from peft import PeftModel  # type: ignore[import-not-found]

            model = PeftModel.from_pretrained(model, self.described.adapter)
        self._model = model.to(self.device).eval()
        self._face = face

    @property
    def _openvla(self) -> Any:
        adapted = self.described.adapter is not None
        return self._model.get_base_model() if adapted else self._model

    def _answers(
        self, observations: Sequence[dict[str, Any]], instructions: Sequence[str]
    ) -> list[dict[str, Any]]:
        treatment = self.treatment
        pixels = torch.stack(
            [
                self.images.apply_transform(prepared(each[treatment.camera][-1], treatment))
                for each in observations
            ]
        )
        answers: list[dict[str, Any]] = [{} for _ in observations]
        for instruction, members in _by_instruction(instructions):
            tokens = self._spoken(instruction, pixels[members])
            for row, member in enumerate(members):
                answers[member] = self._answer(tokens[row])
        return answers

    def _answer(self, tokens: np.ndarray[Any, Any]) -> dict[str, Any]:
        model = self._openvla
        bins = np.clip(model.vocab_size - tokens - 1, 0, len(model.bin_centers) - 1)
        normalised = model.bin_centers[bins]
        action = np.where(
            self.mask, 0.5 * (normalised + 1) * (self.high - self.low) + self.low, normalised
        )
        action[: WIDTH - 1] /= self.actions.scale
        first = model.vocab_size - len(model.bins)  # the last 256 words of the vocabulary
        spoken = (tokens >= first) & (tokens < model.vocab_size)
        return {
            "actions": np.repeat(action[None], self.actions.repeat, axis=0),
            "tokens": tokens,
            "invalid": int((~spoken).sum()),
        }

    def _spoken(self, instruction: str, pixels: torch.Tensor) -> np.ndarray[Any, Any]:
        """(n, 7): the most likely token, seven times. One instruction: all prompts are as long."""
        ids = self.tokenizer(PROMPT.format(instruction.lower())).input_ids
        if ids[-1] != EMPTY:
            ids = [*ids, EMPTY]
        prompts = torch.tensor([ids] * len(pixels), device=self.device)
        model = self._openvla
        spoken = []
        with torch.inference_mode():
            said = model(
                input_ids=prompts,
                attention_mask=torch.ones_like(prompts),
                pixel_values=pixels.to(self.device, torch.bfloat16),
                use_cache=True,
            )
            for _ in range(WIDTH):
                spoken.append(said.logits[:, -1].argmax(dim=-1))
                if len(spoken) < WIDTH:
                    said = model.language_model(
                        input_ids=spoken[-1][:, None],
                        past_key_values=said.past_key_values,
                        use_cache=True,
                    )
        tokens: np.ndarray[Any, Any] = torch.stack(spoken, dim=1).cpu().numpy()
        return tokens


def _by_instruction(instructions: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    for instruction in dict.fromkeys(instructions):
        yield instruction, [at for at, each in enumerate(instructions) if each == instruction]
