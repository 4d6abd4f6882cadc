"""LIBERO's own simulator: what the stand-in world of the other tests cannot show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.connection import Launch
from forkctl.evaluation.rollouts.remote_world import RemoteWorld, WorldOptions, WorldSource
from forkctl.evaluation.rollouts.trials import trials_from_init_states
from forkctl.libero.schema import AGENTVIEW, CAMERAS
from forkctl.libero.suites import get_suite
from tests.driver import Fork

TASK = 5  # the ramekin's: short
KEYS = ("ee_pos", "joint_states", "gripper_states", "object")

pytestmark = pytest.mark.slow


@pytest.fixture
def worlds(simulator: Fork, tmp_path: Path) -> WorldSource:
    launch = Launch(str(simulator.python), simulator.workspace.variables)
    return WorldSource(
        "forkctl.simulation.libero_world", launch, tmp_path / "logs", WorldOptions(image_size=64)
    )


def test_an_episode_does_not_depend_on_those_before_it(worlds):
    """Scenes and renderers live on between episodes: nothing may leak from one into the next."""
    task = get_suite("libero_spatial").tasks[TASK]
    first, second = trials_from_init_states([task], 2, range(50), seed=0)

    def played(world: RemoteWorld, trial) -> list[np.ndarray]:
        random = np.random.default_rng(trial.seed)
        seen = [world.reset(trial, (*KEYS, AGENTVIEW))]
        for _ in range(12):
            action = [*random.uniform(-1, 1, 6), random.choice([-1, 1])]
            seen.append(world.step(np.array(action), KEYS)[1])
        seen.append(world.step(np.zeros(7), (AGENTVIEW,))[1])
        return [each[key] for each in seen for key in each]

    with worlds.start(0, lambda process: None) as world:
        world.open(task, frames=True)
        assert len(world.versions["assets"]) == 12  # a digest: other meshes are another world
        alone = played(world, second)
    with worlds.start(0, lambda process: None) as world:
        world.open(task, frames=True)
        other = played(world, first)
        after = played(world, second)
        again = played(world, first)
    assert all((a == b).all() for a, b in zip(alone, after, strict=True))
    assert all((a == b).all() for a, b in zip(other, again, strict=True))
    assert any((a != b).any() for a, b in zip(alone, other, strict=True))


def test_frames_have_the_wanted_size_and_unknown_keys_are_told(worlds):
    task = get_suite("libero_spatial").tasks[TASK]
    (trial,) = trials_from_init_states([task], 1, range(50), seed=0)
    with worlds.start(0, lambda process: None) as world:
        world.open(task, frames=True)
        seen = world.reset(trial, CAMERAS)
        assert {key: seen[key].shape for key in CAMERAS} == dict.fromkeys(CAMERAS, (64, 64, 3))
        top, bottom = seen[AGENTVIEW][:20].mean(), seen[AGENTVIEW][-20:].mean()
        assert top > bottom  # upside down: the bright table is above the grey wall
        with pytest.raises(ForkctlError, match="the simulator has no third_eye"):
            world.step(np.zeros(7), ("third_eye",))


def test_the_expert_of_the_demonstrations_acts_by_the_protocol_of_every_policy(
    simulator: Fork,
) -> None:
    words = ["eval", "rollout", "baseline:expert", "--suite", "libero_spatial", "--trials", "1"]
    simulator.workspace.said(
        *words, "--tasks", f"{TASK}", "--sim-env", simulator.prefix, "--out", "expert"
    )
    text = (simulator.workspace.root / "expert" / "rollout.json").read_text(encoding="utf-8")
    assert json.loads(text)["overall"]["successes"] == 1


@pytest.fixture(scope="module")
def demo(simulator: Fork) -> Path:
    """One demonstration of one task, without frames."""
    words = ["demos", "libero_spatial", "--tasks", str(TASK), "--demos", "1", "--layout", "low_dim"]
    simulator.workspace.said(*words, "--out", "demos", "--sim-env", simulator.prefix)
    return simulator.workspace.root / "demos"


def test_replays_through_the_forks_conventions_succeed_and_a_mistake_does_not(
    simulator: Fork, demo: Path
) -> None:
    """What benchmarks/replay_table.py does for all of them."""
    rows = ["libero", "rdt-absolute", "rdt-delta:metres-twice"]
    words = ["--data", str(demo), "--trials", "1", "--mistake-trials", "1", *rows]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.replay_table", *words, "--sim-env", simulator.prefix],
        cwd=simulator.workspace.root,
        env=simulator.workspace.variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shares = [line.split("|")[3].strip() for line in done.stdout.splitlines()[2:]]
    assert shares == ["1 of 1", "1 of 1", "0 of 1"]
