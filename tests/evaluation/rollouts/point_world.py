"""A world without physics, for tests: the hand is a point, and the task is to bring it somewhere
and close it. Quick, exact, and in a process of its own like the real one.

Environment variables make it misbehave: POINT_WORLD_BREAKS names the initial states at which it
raises within the episode, POINT_WORLD_LOG a file that says what was asked of it, and
POINT_WORLD_DELAY seconds that each step takes.
"""

import os
import time
from pathlib import Path

import numpy as np

STEP = 0.05
NEAR = 0.03
SIZE = 16
BASE = np.array([0.1, 0.0, 1.0])


def open_world(task, options):
    return PointWorld(task)


def goal_of(task, init_state):
    random = np.random.default_rng([len(task), init_state])
    return BASE + random.uniform(-0.3, 0.3, 3)


class PointWorld:
    def __init__(self, task):
        self.init_states = 50
        self.versions = {"point": "1"}
        self.task = task
        self.breaks = os.environ.get("POINT_WORLD_BREAKS", "").split()
        self.delay = float(os.environ.get("POINT_WORLD_DELAY", "0"))
        self._log(f"open {task}")

    def reset(self, start, seed):
        self.init_state = start["init_state"]
        self.position = BASE.copy()
        self.goal = goal_of(self.task, self.init_state)
        self.closed = False
        self.steps = 0
        self._log(f"reset {self.init_state} {seed}")

    def observe(self, keys):
        self._log("observe " + " ".join(keys))
        seen = {
            "ee_pos": self.position,
            "ee_ori": np.zeros(3),
            "goal": self.goal,
            "agentview_rgb": self._frame(),
        }
        return {key: seen[key].copy() for key in keys}

    def step(self, action):
        assert action.shape == (7,)
        if self.delay:
            time.sleep(self.delay)
        self.steps += 1
        if str(self.init_state) in self.breaks and self.steps == 1:
            raise RuntimeError("the point fell off the edge of the world")
        self.position = self.position + STEP * np.clip(action[:3], -1, 1)
        self.closed = action[6] > 0
        return self.closed and np.linalg.norm(self.position - self.goal) < NEAR

    def close(self):
        pass

    def _frame(self):
        """Dark, but for the upper left corner (as stored: the lower right one)."""
        frame = np.zeros((SIZE, SIZE, 3), np.uint8)
        frame[-1, -1] = (255, self.steps, 0)
        return frame

    def _log(self, words):
        if "POINT_WORLD_LOG" in os.environ:
            with Path(os.environ["POINT_WORLD_LOG"]).open("a") as out:
                out.write(words + "\n")
