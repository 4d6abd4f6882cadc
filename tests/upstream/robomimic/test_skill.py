"""Skill conditioning in the two forks that have a diffusion policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.upstream.robomimic.conftest import Forks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vae(patched: Forks, demos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vae") / "vae.pth"
    done = patched("robomimic").run(
        *("-m", "robomimic.forkctl_ext.train_skill_vae", "--data", *map(str, demos)),
        *("--out", str(out), "--latent-dim", "8", "--steps", "60", "--batch-size", "16"),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = (
        done.stdout.splitlines()[-1].split("pixel error ")[1].split(";")[0].split(" -> ")
    )
    assert float(after) < 0.5 * float(before), "it learns to draw the goal"
    return out


@pytest.fixture(scope="module", params=["robomimic", "droid"])
def found(
    request: pytest.FixtureRequest,
    patched: Forks,
    demos: list[Path],
    vae: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    return patched(request.param).probe(
        "probe_skill", data=demos[:1], vae=vae, scratch=tmp_path_factory.mktemp("skill")
    )


def test_the_latent_widens_the_condition_and_keeps_what_was_learned(found: dict[str, Any]) -> None:
    assert found["wider"] == found["latents"] == 8
    assert found["loss_difference_at_start"] < 1e-5, "new columns start at zero"
    assert found["columns_learn"] > 0


def test_the_encoder_is_frozen_and_no_part_of_the_policy(found: dict[str, Any]) -> None:
    assert found["vae_unchanged"] and not found["vae_in_nets"]


def test_the_goal_is_the_demonstrations_last_frame_and_matters(found: dict[str, Any]) -> None:
    assert found["goal_is_last_frame"]
    assert found["goal_matters"] > 1e-6
    assert "hdf5_cache_mode" in found["without_goals"]


SMALL_RUN = (
    "algo.unet.down_dims=[16,32]",
    "algo.unet.diffusion_step_embed_dim=32",
    "algo.skill_conditioning.enabled=true",
    "algo.skill_conditioning.latent_dim=8",
    "observation.encoder.rgb.core_kwargs.backbone_class=ResNet18Conv",
    "train.num_data_workers=0",
    "train.batch_size=2",
    "train.num_epochs=1",
)
ASKED = """
import json, sys
import numpy as np
from forkctl.families.robomimic import worker
from forkctl.libero.files.reader import open_demo_file

checkpoint, path, other = sys.argv[1:4]
demo = open_demo_file(path)["demo_0"]

def answered(goal, wanted=None):
    policy = worker.load(checkpoint, "cpu", {"goal": goal})
    seen = {key: demo.obs(key)[4:6] for key in policy.keys}
    if wanted is not None:
        policy.algo.skill.set_goal(wanted)
        policy.goals = None
    asked = open_demo_file(path).language
    return policy.predict([seen], [asked], 3)[0]["actions"]

def differ(one, two):
    return float(np.abs(one - two).max())

named = answered(path + ":demo_1")
pairs = open_demo_file(path)["demo_1"]
last = pairs.frame("agentview_rgb", len(pairs.pairing()) - 1)
print(json.dumps({
    "by_hand": differ(named, answered(path, last)),
    "other": differ(named, answered(other)),
    "folder": differ(answered(path), answered(path.rpartition("/")[0])),
}))
"""


def test_a_policy_with_a_goal_is_evaluated(patched: Forks, demos: list[Path], vae: Path) -> None:
    fork = patched("robomimic")
    data, env = str(demos[0].parent), ("--env", fork.prefix)
    settings = (*SMALL_RUN, f"algo.skill_conditioning.vae_checkpoint={vae}")
    words = [word for value in settings for word in ("--set", value)]
    said = fork.workspace.said
    said("config", "robomimic", "libero_spatial", "--data", data, "-o", "skill.json", *words)
    said("run", "robomimic", "skill.json", "--name", "skill", "--steps", "2", *env)
    (run,) = (fork.workspace.root / "runs" / "robomimic").glob("skill-*")
    checkpoint = str(run / "checkpoints" / "last.pth")

    found = json.loads(fork.says("-c", ASKED, checkpoint, *map(str, demos[:2])).splitlines()[-1])
    assert found["by_hand"] == pytest.approx(0, abs=1e-6)
    assert found["other"] > 1e-4, "the goal matters"
    assert found["folder"] == pytest.approx(0, abs=1e-6), "each task has its own file"

    asked = ("robomimic", "--ckpt", checkpoint, *env, "--json")
    openloop = ("eval", "openloop", *asked, "--data", data, "--episodes", "last:1")
    openloop += ("--max-steps", "4", "--probes", "1")
    done = fork.workspace.typed(*openloop, "--out", "blind")
    assert done.returncode == 1
    assert "has none" in done.stderr and "--goal FILE.hdf5:demo_0" in done.stderr
    (arm,) = json.loads(said(*openloop, "--out", "seeing", "--goal", data))["arms"].values()
    assert arm["steps"] == 8

    rollout = ("eval", "rollout", *asked, "--world", "tabletop", "--suite", "libero_spatial")
    rollout += ("--tasks", "0", "--trials", "1", "--max-steps", "4", "--out", "acted")
    acted = json.loads(said(*rollout, "--goal", f"{demos[0]}:demo_1"))
    assert acted["overall"]["errors"] == 0
