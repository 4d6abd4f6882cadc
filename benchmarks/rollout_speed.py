"""Episodes per minute: `forkctl eval rollout` beside the usual loop of evaluation scripts.

    python -m benchmarks.rollout_speed --trials 5

Both play the same episodes of one task with the same policy (two cameras, history 2, chunks of
eight actions, no time to think), in the same simulator, one process each; only the world differs.
benchmarks/naive_world.py is LIBERO's own environment as it comes. The two take turns, trial by
trial, so that a busy machine slows down both. Starting the processes and the first episode of each,
in which numba compiles, are not counted.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from forkctl.environments.simulator import find_simulator
from forkctl.evaluation.policies.connection import Launch
from forkctl.evaluation.policies.policy import Policy
from forkctl.evaluation.policies.remote_policy import RemotePolicy
from forkctl.evaluation.rollouts.playing import Limits, play
from forkctl.evaluation.rollouts.remote_world import World, WorldOptions, WorldSource
from forkctl.evaluation.rollouts.trials import Trial, trials_from_init_states
from forkctl.forks.cache import cache_root
from forkctl.forks.workspace import find_workspace
from forkctl.libero.suites import get_suite
from forkctl.libero.units.conventions import LIBERO

HERE = Path(__file__).parent.resolve()
LIBERO_WORLD = "forkctl.simulation.libero_world"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--max-steps", type=int, default=220)
    parser.add_argument("--image-size", type=int, default=128)
    words = parser.parse_args()
    simulator = find_simulator(find_workspace())
    launch = Launch(str(simulator.python), simulator.variables)
    logs = cache_root() / "logs"
    tasks = get_suite("libero_spatial").tasks[:1]
    trials = trials_from_init_states(tasks, words.trials + 1, range(50), seed=0)
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        policy: Policy = stack.enter_context(
            RemotePolicy(
                str(HERE / "two_camera_policy.py"),
                HERE,
                launch,
                logs / "bench.log",
                {LIBERO.name: LIBERO},
            ).open()
        )
        worlds = {}
        kinds = {
            "naive": (str(HERE / "naive_world.py"), True),
            "forkctl": (LIBERO_WORLD, True),
            "forkctl, --no-reflections": (LIBERO_WORLD, False),
        }
        for number, (name, (kind, reflection)) in enumerate(kinds.items()):
            options = WorldOptions(words.image_size, reflection)
            source = WorldSource(kind, launch, logs, options)
            worlds[name] = stack.enter_context(source.start(90 + number, lambda process: None))
            worlds[name].open(tasks[0], frames=True)
        for trial in trials:
            for name, world in worlds.items():
                seconds.setdefault(name, []).append(timed(world, policy, trial, words.max_steps))
    slow = statistics.median(seconds["naive"][1:])
    print(f"| {words.trials} episodes of {words.max_steps} steps | episodes per minute | times |")
    print("|---|---|---|")
    for name, each in seconds.items():
        middle = statistics.median(each[1:])
        print(f"| {name} | {60 / middle:.2f} | {slow / middle:.1f} |")
    return 0


def timed(world: World, policy: Policy, trial: Trial, max_steps: int) -> float:
    began = time.perf_counter()
    play(world, policy, trial, Limits(max_steps))
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
