"""The real upstream: our worker's whole chunks equal what its own RolloutPolicy hands out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from forkctl.cli import main
from forkctl.evaluation.policies.launching import fork_policy
from forkctl.families.robomimic.family import FAMILY
from forkctl.forks.manifest import load
from forkctl.forks.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
SMALL = (
    "algo.unet.down_dims=[16,32]",
    "algo.unet.diffusion_step_embed_dim=32",
    "observation.encoder.rgb.core_kwargs.backbone_class=ResNet18Conv",
    "train.num_data_workers=0",
    "train.batch_size=2",
    "train.num_epochs=1",
)

# Runs in the fork's environment. RolloutPolicy hands out a chunk one action a call.
PARITY = """
import json, sys
import numpy as np, torch
from forkctl.families.robomimic import worker as robomimic
from forkctl.libero.files.reader import open_demo_file

policy = robomimic.load(sys.argv[1], "cpu", {})
file = open_demo_file(sys.argv[2])
demo = file[file.demo_names[0]]
observations = [{k: demo.obs(k)[t - 1 : t + 1] for k in policy.keys} for t in (5, 9)]
ours = policy.predict(observations[:1], ["x"], 3)[0]["actions"]
torch.manual_seed(3)
policy.rollout.start_episode()
own = {k: v.copy() for k, v in observations[0].items()}
theirs = np.array([policy.rollout(own) for _ in range(len(ours))])
batch = policy.predict(observations, ["x", "y"], 3)
print(json.dumps({
    "difference": float(np.abs(ours - theirs).max()),
    "spread": float(ours.std()),
    "conventions": policy.conventions,
    "answers": len(batch),
}))
"""


@pytest.mark.upstream
@pytest.mark.slow
def test_a_trained_checkpoint_is_evaluated_in_its_own_environment(
    upstream_clone, session_cache, demos, tmp_path, monkeypatch, capsys
):
    upstream_clone("robomimic")
    monkeypatch.setenv("FORKCTL_CACHE", str(session_cache))
    for name in ("forks.toml", "forks.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("patches", "overlays", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)

    def forkctl(*words: str) -> None:
        assert main(list(words)) == 0, capsys.readouterr().err

    forkctl("sync", "robomimic")
    forkctl("apply", "robomimic")
    forkctl("env", "create", "robomimic", "--profile", "cpu")
    settings = [word for value in SMALL for word in ("--set", value)]
    config = ["config", "robomimic", "libero_spatial", "--data", str(demos), "-o", "c.json"]
    forkctl(*config, *settings)
    forkctl("run", "robomimic", "c.json", "--steps", "2", "--profile", "cpu")
    (checkpoint,) = tmp_path.glob("runs/robomimic/*/checkpoints/last.pth")

    workspace = Workspace(tmp_path)
    fork = load(workspace.manifest).fork("robomimic")
    launch = fork_policy(workspace, fork, FAMILY, None, "cpu").launch
    data = sorted(demos.glob("*.hdf5"))[0]
    done = subprocess.run(
        [launch.python, "-c", PARITY, str(checkpoint), str(data)],
        env={**os.environ, **launch.env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["difference"] == pytest.approx(0, abs=1e-6)
    assert found["spread"] > 0.01
    assert found["answers"] == 2
    assert (found["conventions"]["history"], found["conventions"]["chunk"]) == (2, 8)

    capsys.readouterr()
    words = "--episodes last:1 --max-steps 4 --probes 1 --profile cpu --out out --json"
    argv = ["eval", "openloop", "robomimic", "--ckpt", str(checkpoint), "--data", str(demos)]
    assert main([*argv, *words.split()]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["arms"]["policy"]["steps"] == 8
    assert len(result["arms"]["policy"]["l1_norm_by_offset"]) == 8
    assert "learned" not in {v["name"] for v in result["arms"]["policy"]["verdicts"]}
