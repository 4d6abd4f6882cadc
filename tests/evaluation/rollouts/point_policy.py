"""A policy that brings the point of point_world.py to its goal. The checkpoint is a JSON file that
says how: any of `conventions`, and `skill` (the share of episodes in which it closes the hand)."""

import json
from pathlib import Path

import numpy as np

STEP = 0.05
BASE = np.array([0.1, 0.0, 1.0])


def load(checkpoint, device, options):
    said = json.loads(Path(checkpoint).read_text())
    if "skill" in options:
        said["skill"] = float(options["skill"])
    return PointPolicy(**said)


class PointPolicy:
    def __init__(self, skill=1.0, answers=None, **conventions):
        self.skill = skill
        self.answers = answers
        self._episode = -1
        self.conventions = {"observations": ["ee_pos", "goal"], "chunk": 4, **conventions}

    def predict(self, observations, instructions, seed):
        # at the start the point is where it always is: another episode
        self._episode += np.allclose(observations[0]["ee_pos"][-1], BASE)
        return [{"actions": self._plan(seen, seed)} for seen in observations]

    def _plan(self, seen, seed):
        if self.answers == "nan" or (self.answers == "nan above 2" and self._episode > 2):
            return np.full((4, 7), np.nan)
        if self.answers == "nothing":
            raise RuntimeError("out of memory")
        position, goal = seen["ee_pos"][-1], seen["goal"][-1]
        closes = np.random.default_rng(int(abs(goal.sum()) * 1e6)).random() < self.skill
        plan = []
        for _ in range(self.conventions["chunk"]):
            move = np.clip((goal - position) / STEP, -1, 1)
            position = position + STEP * move
            near = np.linalg.norm(position - goal) < 0.01
            grip = 1.0 if near and closes else -1.0
            if self.conventions.get("actions") == "openvla":
                grip = (1 - grip) / 2
            plan.append([*move, 0, 0, 0, grip])
        return np.array(plan)
