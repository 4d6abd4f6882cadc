"""A policy that costs nothing and looks at both cameras, for benchmarks/rollout_speed.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

CHUNK = 8


def load(checkpoint: str, device: str, options: dict[str, Any]) -> TwoCameras:
    return TwoCameras()


class TwoCameras:
    def __init__(self) -> None:
        self.conventions = {
            "observations": ["agentview_rgb", "eye_in_hand_rgb"],
            "history": 2,
            "chunk": CHUNK,
        }

    def predict(
        self, observations: Sequence[dict[str, Any]], instructions: Sequence[str], seed: int
    ) -> list[dict[str, Any]]:
        random = np.random.default_rng(seed)
        return [{"actions": random.uniform(-0.3, 0.3, (CHUNK, 7))} for _ in observations]
