"""LIBERO as evaluation scripts commonly use it, for benchmarks/rollout_speed.py.

The environment is made anew for each episode's scene (LIBERO's hard reset), both cameras are
rendered at every step, and every observable is computed, used or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forkctl.simulation import settings, tasks

KEYS = {"agentview_rgb": "agentview_image", "eye_in_hand_rgb": "robot0_eye_in_hand_image"}
REST = [0.0] * 6 + [-1.0]


def open_world(task: str, options: dict[str, Any]) -> NaiveWorld:
    return NaiveWorld(task, options["image_size"])


class NaiveWorld:
    def __init__(self, task: str, image_size: int) -> None:
        settings.prepare()
        settings.use_assets()
        from libero.libero.envs import OffScreenRenderEnv

        self.env = OffScreenRenderEnv(
            bddl_file_name=str(tasks.bddl_path(task)),
            camera_heights=image_size,
            camera_widths=image_size,
        )
        self.env.seed(0)
        self.states = tasks.init_states(task)
        self.init_states = len(self.states)
        self.versions = {"loop": "naive"}
        self.seen: dict[str, Any] = {}

    def reset(self, start: dict[str, Any], seed: int) -> None:
        self.env.reset()
        self.seen = self.env.set_init_state(self.states[start["init_state"]])
        for _ in range(start["settle"]):
            self.seen, *_ = self.env.step(REST)

    def step(self, action: Any) -> bool:
        self.seen, _, done, _ = self.env.step(action)
        return bool(done)

    def observe(self, keys: Sequence[str]) -> dict[str, Any]:
        return {key: self.seen[KEYS[key]] for key in keys}

    def close(self) -> None:
        self.env.close()
