"""Play a file's demos from what the file holds; how far the states go from the recorded ones."""

from __future__ import annotations

import json
import sys

import numpy as np

from forkctl.libero.files.reader import DemoFile
from forkctl.simulation.task_simulation import TaskSimulation


def main(path: str) -> None:
    worst, succeeded = 0.0, 0
    with DemoFile(path) as file, TaskSimulation.open(file.task) as world:
        for demo in file:
            world.restore(demo.attrs["model_file"], demo.attrs["init_state"])
            states, actions = demo.array("states"), demo.array("actions")
            for state, action in zip(states, actions, strict=True):
                worst = max(worst, float(np.abs(world.state() - state).max()))
                world.step(action)
            succeeded += world.success()
    print(json.dumps({"worst": worst, "succeeded": succeeded}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
