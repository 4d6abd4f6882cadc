"""A world that looks like LIBERO's to RDT, for its evaluation without a simulator: the arm stands
still, and the task is done at the fifth step, except from odd initial states."""

from __future__ import annotations

from typing import Any

import numpy as np


def open_world(task: str, options: dict[str, Any]) -> StillWorld:
    return StillWorld()


class StillWorld:
    init_states = 50
    versions = {"still": "1"}  # noqa: RUF012

    def reset(self, start: dict[str, Any], seed: int) -> None:
        self.state = start["init_state"]
        self.steps = 0

    def step(self, action: Any) -> bool:
        assert action.shape == (7,) and np.abs(action).max() <= 1
        self.steps += 1
        if self.state == 2:
            raise RuntimeError("the simulation is unstable")
        return self.steps == 5 and self.state % 2 == 0

    def observe(self, keys: Any) -> dict[str, Any]:
        frame = np.full((32, 32, 3), 9 * self.steps, np.uint8)
        seen = {
            "agentview_rgb": frame,
            "eye_in_hand_rgb": frame,
            "joint_states": np.full(7, 0.1 * self.steps),
            "ee_pos": np.array([0.0, 0.1, 1.0]),
            "ee_ori": np.array([3.1, 0.0, 0.1]),
            "gripper_states": np.array([0.04, -0.04]),
        }
        return {key: seen[key] for key in keys}

    def close(self) -> None:
        pass
