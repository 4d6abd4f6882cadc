"""LIBERO's own simulator: what the stand-in world of the other tests cannot show.

An environment of it is made for the session; FORKCTL_TEST_LIBERO_SIM_PYTHON names one that is there
already. FORKCTL_LIBERO_ASSETS must name LIBERO's assets: they are in no package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import forkctl
from forkctl.environments.simulator import find_simulator
from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.connection import Launch
from forkctl.evaluation.rollouts.remote_world import RemoteWorld, WorldOptions, WorldSource
from forkctl.evaluation.rollouts.trials import trials_from_init_states
from forkctl.forks.workspace import find_workspace
from forkctl.libero.schema import AGENTVIEW, CAMERAS
from forkctl.libero.suites import get_suite

ROOT = Path(forkctl.__file__).parents[1]
UNREACHABLE = "upstream out of reach"
TASK = 5  # the ramekin's: short
KEYS = ("ee_pos", "joint_states", "gripper_states", "object")

pytestmark = [pytest.mark.upstream, pytest.mark.slow]


@pytest.fixture(scope="session")
def lab(tmp_path_factory, session_cache) -> Path:
    """A workspace with a simulator, or a skip."""
    if not os.environ.get("FORKCTL_LIBERO_ASSETS"):
        pytest.skip(f"{UNREACHABLE}: LIBERO's assets (set FORKCTL_LIBERO_ASSETS)")
    root = tmp_path_factory.mktemp("simulator") / "workspace"
    root.mkdir(parents=True)
    (root / "cache").symlink_to(session_cache)
    for name in ("patches", "overlays", "configs"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "forks.toml", root)
    if not os.environ.get("FORKCTL_TEST_LIBERO_SIM_PYTHON"):
        made = typed(root, "env", "create", "libero-sim", "--profile", "cpu")
        if made.returncode:
            pytest.skip(f"{UNREACHABLE}: the simulator's packages: {made.stderr[-300:]}")
    return root


def typed(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(root / "cache")}
    command = [sys.executable, "-m", "forkctl", *words]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)


def own_simulator(option: str) -> list[str]:
    python = os.environ.get("FORKCTL_TEST_LIBERO_SIM_PYTHON")
    return [option, python] if python else []


@pytest.fixture
def worlds(lab, monkeypatch) -> WorldSource:
    monkeypatch.chdir(lab)
    monkeypatch.setenv("FORKCTL_CACHE", str(lab / "cache"))
    found = find_simulator(find_workspace(), os.environ.get("FORKCTL_TEST_LIBERO_SIM_PYTHON"))
    launch = Launch(str(found.python), found.variables)
    return WorldSource(
        "forkctl.simulation.libero_world", launch, lab.parent / "logs", WorldOptions(image_size=64)
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


@pytest.fixture(scope="module")
def demo(lab) -> Path:
    """One demonstration of one task, without frames."""
    words = ["demos", "libero_spatial", "--tasks", str(TASK), "--demos", "1", "--layout", "low_dim"]
    made = typed(lab, *words, "--out", "demos", *own_simulator("--sim-env"))
    assert made.returncode == 0, made.stderr
    return lab / "demos"


def test_replays_through_the_forks_conventions_succeed_and_a_mistake_does_not(lab, demo):
    """What benchmarks/replay_table.py does for all of them."""
    rows = ["libero", "rdt-absolute", "rdt-delta:metres-twice"]
    words = ["--data", str(demo), "--trials", "1", "--mistake-trials", "1", *rows]
    command = [sys.executable, "-m", "benchmarks.replay_table", *words, *own_simulator("--sim-env")]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(lab / "cache")}
    done = subprocess.run(command, cwd=lab, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shares = [line.split("|")[3].strip() for line in done.stdout.splitlines()[2:]]
    assert shares == ["1 of 1", "1 of 1", "0 of 1"]
