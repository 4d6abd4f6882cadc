"""The real upstream: our worker's whole chunks equal what its own RolloutPolicy hands out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.checkpoints.torch_files import Call, robomimic_content, write_torch
from tests.upstream.robomimic.conftest import Forks

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


@pytest.mark.slow
def test_a_checkpoint_that_would_run_code_is_refused_before_it_does(
    patched: Forks, demos: list[Path], tmp_path: Path
) -> None:
    """Upstream unpickles everything, and evaluates the names of classes in the config."""
    fork = patched("robomimic")
    mark = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    encoder = {"observation": {"encoder": {"rgb": {"core_kwargs": {"backbone_class": code}}}}}
    nets = {"policy.weight": (2, 2)}
    hostile = {
        "pickle": robomimic_content(nets, {}, best=Call("os.system", f"touch {mark}")),
        "config": robomimic_content(nets, encoder),
    }
    for name, content in hostile.items():
        checkpoint = write_torch(tmp_path / f"{name}.pth", content)
        words = ("--ckpt", str(checkpoint), "--data", str(demos[0]), "--env", fork.prefix)
        done = fork.workspace.typed("eval", "openloop", "robomimic", *words)
        assert done.returncode == 1
        assert "would run" in done.stderr or "asks to run os.system" in done.stderr, done.stderr
        assert not mark.exists()


@pytest.mark.slow
def test_a_trained_checkpoint_is_evaluated_in_its_own_environment(
    patched: Forks, demos: list[Path]
) -> None:
    fork = patched("robomimic")
    data, env = str(demos[0].parent), ("--env", fork.prefix)
    settings = [word for value in SMALL for word in ("--set", value)]
    said = fork.workspace.said
    said("config", "robomimic", "libero_spatial", "--data", data, "-o", "small.json", *settings)
    said("run", "robomimic", "small.json", "--name", "small", "--steps", "2", *env)
    (run,) = (fork.workspace.root / "runs" / "robomimic").glob("small-*")
    checkpoint = str(run / "checkpoints" / "last.pth")

    found = json.loads(fork.says("-c", PARITY, checkpoint, str(demos[0])).splitlines()[-1])
    assert found["difference"] == pytest.approx(0, abs=1e-6)
    assert found["spread"] > 0.01
    assert found["answers"] == 2
    assert (found["conventions"]["history"], found["conventions"]["chunk"]) == (2, 8)
    assert found["conventions"]["frame_size"] == 64, "that of the data"

    words = ("--episodes", "last:1", "--max-steps", "4", "--probes", "1", "--out", "out", "--json")
    evaluated = ("eval", "openloop", "robomimic", "--ckpt", checkpoint, "--data", data)
    (arm,) = json.loads(said(*evaluated, *env, *words))["arms"].values()
    assert arm["steps"] == 8
    assert len(arm["l1_norm_by_offset"]) == 8
    assert "learned" not in {verdict["name"] for verdict in arm["verdicts"]}
