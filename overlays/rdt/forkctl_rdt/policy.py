"""A trained RDT as a policy for LIBERO: what was observed in, vectors of the layout out.

What goes in is laid out as the loader did it in training: two cameras at two times, upright or not
as the side-car says, and the place of a frame that there was not yet taken by a grey one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

import numpy as np
import numpy.typing as npt
import torch
from models.multimodal_encoder.siglip_encoder import SiglipVisionTower
from models.rdt_runner import RDTRunner
from PIL import Image

from forkctl.checkpoints.unpickling import check_plain
from forkctl.errors import ForkctlError
from forkctl.families.rdt.instructions import sentence
from forkctl.families.rdt.vectors import STATE_KEYS
from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND
from forkctl_rdt.language import Language
from forkctl_rdt.sidecar import Sidecar

Array = npt.NDArray[Any]
Observation = Mapping[str, Array]

# in the order of upstream's cameras: external, right wrist, left wrist
_CAMERAS: tuple[Optional[str], ...] = (AGENTVIEW, EYE_IN_HAND, None)
KEYS = (AGENTVIEW, EYE_IN_HAND, *STATE_KEYS)
HISTORY = 2


@dataclass(frozen=True)
class RunFacts:
    """What a checkpoint needs that is not in it."""

    vision_encoder: str
    text_encoder: str
    language: Path


def facts_of(checkpoint: Path, options: Mapping[str, Any]) -> RunFacts:
    """As the options of the evaluation say, or else the record of the run. `checkpoint` is
    RUN/upstream/checkpoint-N, or a link to it, or RUN/upstream itself."""
    flags: Mapping[str, Any] = {}
    run = next(
        (each for each in checkpoint.resolve().parents if (each / "run.json").is_file()), None
    )
    if run is not None:
        flags = json.loads((run / "config.json").read_text(encoding="utf-8"))["flags"]
    vision, text = (
        options.get(f"{kind}_encoder") or flags.get(f"pretrained_{kind}_encoder_name_or_path") or ""
        for kind in ("vision", "text")
    )
    if not vision:
        raise ForkctlError(
            "nothing says which encoders this model was trained with",
            where=str(checkpoint),
            hint="leave it in its run's folder, or name them: "
            "--policy-option vision_encoder=FOLDER --policy-option text_encoder=FOLDER",
        )
    return RunFacts(vision, text, (run or checkpoint) / "language")


class RdtPolicy:
    def __init__(
        self,
        runner: Any,
        vision: Any,
        language: Language,
        sidecar: Sidecar,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.runner = runner.to(device, dtype=dtype).eval()
        self.vision = vision.to(device, dtype=dtype).eval()
        self.language = language
        self.sidecar = sidecar
        self.layout = sidecar.layout
        self.device = device
        self.dtype = dtype

    @classmethod
    def load(cls, checkpoint: str, device: str, options: Mapping[str, Any]) -> RdtPolicy:
        """Refuses a model without a side-car: its numbers could mean anything."""
        folder = Path(checkpoint)
        if not folder.is_dir():
            raise ForkctlError(
                "a model of RDT is a folder, checkpoint-N",
                where=checkpoint,
                hint="name the folder",
            )
        sidecar = Sidecar.read(folder)
        facts = facts_of(folder, options)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        where = torch.device(device)
        for place in (folder, Path(facts.vision_encoder), Path(facts.text_encoder)):
            check_plain(place)
        dtype = torch.bfloat16 if where.type == "cuda" else torch.float32
        return cls(
            RDTRunner.from_pretrained(str(folder), dtype=dtype),
            SiglipVisionTower(facts.vision_encoder, None),
            Language(facts.language, facts.text_encoder, where),
            sidecar,
            where,
            dtype,
        )

    @property
    def horizon(self) -> int:
        return int(self.runner.pred_horizon)

    @torch.no_grad()
    def predict(
        self, observations: Sequence[Observation], instructions: Sequence[str], seed: int
    ) -> Array:
        """(queries, horizon, 128); each observation has HISTORY rows of KEYS."""
        torch.manual_seed(seed)
        images = torch.stack([self._images(each) for each in observations])
        count = len(images)
        seen = self.vision(images.flatten(0, 1).to(self.device, self.dtype))
        texts, valid = self._texts(instructions)
        mask = self._tensor(self.layout.mask()).expand(count, 1, -1)
        states = np.stack([self.layout.states(each)[-1:] for each in observations])
        vectors = self.runner.predict_action(
            lang_tokens=texts,
            lang_attn_mask=valid,
            img_tokens=seen.reshape(count, -1, self.vision.hidden_size),
            state_tokens=self._tensor(states),
            action_mask=mask,
            ctrl_freqs=torch.full((count,), self.sidecar.control_hz, device=self.device),
        )
        result: Array = vectors.float().cpu().numpy().astype(np.float64)
        return result

    def plan(
        self, observations: Sequence[Observation], instructions: Sequence[str], seed: int
    ) -> Array:
        """(queries, horizon, width) in the layout's convention, as a robot executes it."""
        return self.layout.executed(self.predict(observations, instructions, seed))

    def _images(self, observation: Observation) -> torch.Tensor:
        processor = self.vision.image_processor
        grey = np.array([int(x * 255) for x in processor.image_mean], dtype=np.uint8)
        size = processor.size["height"], processor.size["width"]
        absent = np.broadcast_to(grey, (*size, 3))
        first = 1 if _at_start(observation) else 0
        frames = [
            _square(observation[camera][time], grey)
            if camera is not None and time >= first
            else absent
            for time in range(HISTORY)
            for camera in _CAMERAS
        ]
        pixels = [
            processor.preprocess(Image.fromarray(np.ascontiguousarray(frame)), return_tensors="pt")
            for frame in frames
        ]
        return torch.cat([each["pixel_values"] for each in pixels])

    def _texts(self, instructions: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        found = [self.language.embedding(sentence(text)) for text in instructions]
        texts = torch.nn.utils.rnn.pad_sequence(found, batch_first=True).to(self.device, self.dtype)
        lengths = torch.tensor([len(each) for each in found])
        valid = torch.arange(texts.shape[1])[None] < lengths[:, None]
        return texts, valid.to(self.device)

    def _tensor(self, values: Array) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values)).to(self.device, self.dtype)


def _at_start(observation: Observation) -> bool:
    """Before an episode's start its first observation repeats; a moment later no joint angle is
    the same to the last bit."""
    return all(np.array_equal(observation[key][0], observation[key][1]) for key in STATE_KEYS)


def _square(frame: Array, colour: Array) -> Array:
    """As upstream's loader pads: in the middle of a square of the mean colour."""
    height, width = frame.shape[:2]
    if height == width:
        return frame
    side = max(height, width)
    padded = np.broadcast_to(colour, (side, side, 3)).copy()
    top, left = (side - height) // 2, (side - width) // 2
    padded[top : top + height, left : left + width] = frame
    return padded
