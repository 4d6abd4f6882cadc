"""Which representation does RDT learn from? One tiny RDT, the same steps, several seeds.

    forkctl env exec rdt -- python benchmarks/rdt_representations.py [--seeds 3] [--steps 800]

Upstream's own RDTRunner, with its loss and its sampler, is trained on synthetic LIBERO demos in
each representation, and once on the mistake: LIBERO's numbers in [-1, 1] where metres and radians
belong. Then it is asked for actions on demos that it has not seen. What it answers is turned into
LIBERO's actions, and its error is given over that of the mean action: 1.00 is what a constant
scores. The image encoder is SigLIP's form with random weights, computed once.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from forkctl.families.rdt.units import VECTOR_SIZE
from forkctl.families.rdt.vectors import STATE_KEYS, RdtLayout
from forkctl.libero.synth import SynthOptions, write_suite
from forkctl.libero.units import conventions as conv
from forkctl.libero.units import dimensions as dims

CHUNK = 16
EXECUTED = 8
NAMES = ("x", "y", "z", "turn x", "turn y", "turn z", "gripper")
# what turns LIBERO's numbers into those that a reader of metres and radians would take them for
_UNSCALED = np.array([1 / dims.METRES_PER_ACTION] * 3 + [1 / dims.RADIANS_PER_ACTION] * 3 + [1.0])


@dataclass(frozen=True)
class Variant:
    """`scale` multiplies the actions before they are encoded, `read` divides them afterwards."""

    name: str
    layout: RdtLayout
    scale: Any = 1.0
    read: Any = 1.0


VARIANTS = (
    Variant("delta", RdtLayout("delta")),
    Variant("velocity", RdtLayout("velocity")),
    Variant("velocity, joints", RdtLayout("velocity", joints=True)),
    Variant("absolute", RdtLayout("absolute")),
    Variant("normalised", RdtLayout("delta"), _UNSCALED, _UNSCALED),
)


@dataclass(frozen=True)
class Samples:
    """Every step of some demos: what a policy is shown, and what was done."""

    images: Any  # (n, tokens, width)
    language: Any  # (n, 1, 4096)
    obs: tuple[Mapping[str, Any], ...]  # of the chunk, one more row before and after it
    actions: Any  # (n, CHUNK, 7)

    def __len__(self) -> int:
        return len(self.obs)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--demos", type=int, default=15, help="of each of two tasks")
    parser.add_argument("--held-out", type=int, default=3, help="of these, for each task")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        train, test = data(Path(scratch), asked.demos, asked.held_out)
    print(f"{len(train)} steps to train on, {len(test)} to be asked about")
    print(f"{'':18}" + "".join(f"{name:>12}" for name in (*NAMES, "mean")))
    for variant in VARIANTS:
        answers = [run(variant, train, test, asked.steps, seed) for seed in range(asked.seeds)]
        show(variant.name, [relative(answer, train, test) for answer in answers])
        if variant.name == "normalised":
            misread = [np.clip(answer * _UNSCALED, -1, 1) for answer in answers]
            for answer, raw in zip(misread, answers, strict=True):
                answer[..., 6] = raw[..., 6]
            show(".. read as metres", [relative(answer, train, test) for answer in misread])


def show(name: str, scores: list[Any]) -> None:
    rows = [[*score, score.mean()] for score in scores]
    cells = []
    for column in zip(*rows, strict=True):
        spread = statistics.stdev(column) if len(column) > 1 else 0.0
        cells.append(f"{statistics.mean(column):6.2f}±{spread:.2f}")
    print(f"{name:18}" + "".join(f"{cell:>12}" for cell in cells), flush=True)


def run(variant: Variant, train: Samples, test: Samples, steps: int, seed: int) -> Any:
    """LIBERO actions (n, EXECUTED, 7) for the demos that were held out."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = new_model(train.images.shape)
    mask = torch.tensor(variant.layout.mask(), dtype=torch.float32)
    states, actions = (torch.tensor(each).float() for each in encode(variant, train))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    for _ in range(steps):
        rows = rng.integers(len(train), size=32)
        loss = model(
            **conditions(train, states, mask, rows), action_gt=actions[rows], ctrl_freqs=hz(rows)
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()
    states, _ = (torch.tensor(each).float() for each in encode(variant, test))
    answers = []
    with torch.no_grad():
        for rows in np.array_split(np.arange(len(test)), max(len(test) // 128, 1)):
            answers.append(
                model.predict_action(**conditions(test, states, mask, rows), ctrl_freqs=hz(rows))
            )
    return decode(variant, torch.cat(answers).double().numpy()[:, :EXECUTED], test)


def conditions(samples: Samples, states: Any, mask: Any, rows: Any) -> dict[str, Any]:
    return {
        "lang_tokens": samples.language[rows],
        "lang_attn_mask": torch.ones(len(rows), 1, dtype=torch.bool),
        "img_tokens": samples.images[rows],
        "state_tokens": states[rows],
        "action_mask": mask.expand(len(rows), 1, -1),
    }


def hz(rows: Any) -> Any:
    return torch.full((len(rows),), 20)


def encode(variant: Variant, samples: Samples) -> tuple[Any, Any]:
    states, actions = [], []
    for obs, chunk in zip(samples.obs, samples.actions, strict=True):
        here = {key: values[1:] for key, values in obs.items()}
        states.append(variant.layout.states({key: values[:2] for key, values in obs.items()})[1:])
        actions.append(variant.layout.actions(chunk * variant.scale, here))
    return np.stack(states), np.stack(actions)


def decode(variant: Variant, vectors: Any, samples: Samples) -> Any:
    """Each action by the pose of the observation at which it is carried out."""
    rows = slice(1, 1 + vectors.shape[1])
    pose = conv.Pose(
        np.stack([obs["ee_pos"][rows] for obs in samples.obs]),
        np.stack([obs["ee_ori"][rows] for obs in samples.obs]),
    )
    return np.clip(variant.layout.to_libero(vectors, pose) / variant.read, -1, 1)


def relative(answers: Any, train: Samples, test: Samples) -> Any:
    truth = test.actions[:, :EXECUTED]
    constant = train.actions.mean((0, 1))
    squared = np.square(answers - truth).mean((0, 1))
    return np.sqrt(squared / np.square(constant - truth).mean((0, 1)))


def new_model(images: tuple[int, ...]) -> Any:
    from models.rdt_runner import RDTRunner

    with contextlib.redirect_stdout(None):  # it prints its size
        return RDTRunner(
            action_dim=VECTOR_SIZE,
            pred_horizon=CHUNK,
            config={
                "lang_adaptor": "linear",
                "img_adaptor": "mlp2x_gelu",
                "state_adaptor": "mlp3x_gelu",
                "rdt": {"hidden_size": 64, "depth": 2, "num_heads": 4},
                "noise_scheduler": {
                    "num_train_timesteps": 1000,
                    "num_inference_timesteps": 5,
                    "beta_schedule": "squaredcos_cap_v2",
                    "prediction_type": "sample",
                    "clip_sample": False,
                },
            },
            lang_token_dim=4096,
            img_token_dim=images[2],
            state_token_dim=VECTOR_SIZE,
            max_lang_cond_len=1,
            img_cond_len=images[1],
            lang_pos_embed_config=[("lang", -1)],
            # two times, two cameras
            img_pos_embed_config=[("image", (2, 2, -(images[1] // 4)))],
            dtype=torch.float32,
        )


def data(folder: Path, demos: int, held_out: int) -> tuple[Samples, Samples]:
    from forkctl_rdt.options import Options

    made = write_suite(folder, "libero_spatial", SynthOptions(demos=demos, image_size=64), tasks=2)
    files = tuple(map(str, made))
    options = Options("synthetic", files, holdout=held_out)
    see = random_siglip()
    return samples(options, False, see), samples(options, True, see)


def samples(options: Any, held_out: bool, see: Any) -> Samples:
    from forkctl_rdt.dataset import LiberoDataset

    dataset = LiberoDataset(
        options, {"action_chunk_size": CHUNK, "img_history_size": 2}, held_out=held_out
    )
    images, language, rows, actions = [], [], [], []
    for demo in dataset.demos:
        pairing = demo.pairing()
        obs = {key: np.array(demo.obs(key)) for key in STATE_KEYS}
        shown = see(demo)
        told = torch.randn(
            1, 4096, generator=torch.Generator().manual_seed(sum(demo.file.task.encode()))
        )
        stored = np.array(demo.actions()[pairing.actions])
        for step in range(len(pairing) - CHUNK):
            images.append(torch.cat([shown[max(step - 1, 0)], shown[step]]))
            language.append(told)
            around = np.clip(np.arange(step - 1, step + CHUNK + 1), 0, demo.length - 1)
            rows.append({key: values[around] for key, values in obs.items()})
            actions.append(stored[step : step + CHUNK])
    return Samples(torch.stack(images), torch.stack(language), tuple(rows), np.stack(actions))


def random_siglip() -> Any:
    from transformers import SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(0)
    config = SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=64,
        patch_size=16,
    )
    model = SiglipVisionModel(config).eval()

    @torch.no_grad()
    def see(demo: Any) -> Any:
        frames = [np.array(demo.obs(camera))[:, ::-1, ::-1].copy() for camera in CAMERAS]
        seen = [
            model(torch.tensor(each).permute(0, 3, 1, 2) / 127.5 - 1).last_hidden_state
            for each in frames
        ]
        return torch.cat(seen, 1)

    from forkctl.libero.schema import CAMERAS

    return see


if __name__ == "__main__":
    sys.exit(main())
