"""Does a transfer help? Train a DROID-like policy, then fine-tune from it and from nothing.

    python benchmarks/robomimic_finetune.py --python ENV/bin/python [--seeds 3]

The first policy is trained by the droid fork on synthetic demonstrations under DROID's names: other
cameras, ten actions, other low-dimensional keys. Then droid and robomimic v0.5.0 train on two
LIBERO cameras and seven actions, on other tasks, from that checkpoint and from scratch, with the
same seeds, through their own train.py. The losses are those that upstream reports for each step.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "upstream" / "robomimic"), str(ROOT / "benchmarks")]

from robomimic_series import forkctl, lay_out  # noqa: E402
from small_config import (  # noqa: E402
    CAMERAS,
    DROID_CAMERAS,
    DROID_LOW_DIM,
    KEY_MAP,
    config,
)

TAIL = 10  # steps that a loss is averaged over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="of an environment of the forks")
    parser.add_argument("--forks", nargs="+", default=["droid", "robomimic"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pretrain", type=int, default=400, help="steps")
    parser.add_argument("--steps", type=int, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        compare(args, Path(scratch))


def compare(args: argparse.Namespace, scratch: Path) -> None:
    words = ("--tasks", "5", "--demos", "8", "--image-size", "64", "--out", str(scratch / "data"))
    forkctl("data", "synth", "libero_spatial", *words)
    files = sorted((scratch / "data").glob("**/*.hdf5"))
    trees = {fork: lay_out(scratch / fork, fork, None) for fork in {"droid", *args.forks}}
    checkpoint = pretrain(args, trees["droid"], files[:4], scratch)
    print(f"{'fork':10s} {'start':8s} {'first ' + str(TAIL):>12s} {'last ' + str(TAIL):>12s}")
    for fork in args.forks:
        ends = {}
        for name, changes in (("scratch", {}), ("transfer", taking_over(checkpoint))):
            firsts, lasts = [], []
            for seed in range(1, args.seeds + 1):
                out = scratch / f"{fork}-{name}-{seed}"
                learning = {"train.seed": seed, **steps(fork, args.steps), **changes}
                losses = train(args, trees[fork], config(fork, files[4:], out, learning), out)
                firsts.append(statistics.mean(losses[:TAIL]))
                lasts.append(statistics.mean(losses[-TAIL:]))
            ends[name] = lasts
            print(f"{fork:10s} {name:8s} {shown(firsts)} {shown(lasts)}", flush=True)
        # the same seed draws the same batches and the same noise, so the pairs tell more
        gains = [there - here for there, here in zip(*ends.values(), strict=True)]
        print(f"{fork:10s} lower by, seed by seed: {' '.join(f'{gain:.3f}' for gain in gains)}")


def taking_over(checkpoint: Path) -> dict[str, Any]:
    return {
        "experiment.ckpt_path": str(checkpoint),
        "experiment.strict_weight_loading": False,
        "experiment.ckpt_key_map": KEY_MAP,
    }


def shown(values: Sequence[float]) -> str:
    spread = f"±{statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread:>7s}"


def steps(fork: str, count: int) -> dict[str, Any]:
    rate = "algo.optim_params.policy.learning_rate"
    found = {
        "experiment.epoch_every_n_steps": count,
        "train.batch_size": 16,
        f"{rate}.initial": 3e-4,
    }
    # the droid fork's rate is constant; v0.5.0's would still be warming up after 500 steps
    return {**found, f"{rate}.warmup_steps": 0} if fork == "robomimic" else found


def pretrain(args: argparse.Namespace, tree: Path, files: Sequence[Path], scratch: Path) -> Path:
    renamed = scratch / "droid_like.hdf5"
    write_droid_like(files, renamed)
    out = scratch / "pretrain"
    changes = {
        **steps("droid", args.pretrain),
        "train.hdf5_cache_mode": None,
        "train.action_shapes": [[1, 10]],
        "experiment.save.enabled": True,
        "experiment.save.every_n_epochs": 1,
    }
    made = config("droid", [renamed], out, changes, cameras=DROID_CAMERAS, low_dim=DROID_LOW_DIM)
    losses = train(args, tree, made, out)
    first, last = statistics.mean(losses[:TAIL]), statistics.mean(losses[-TAIL:])
    print(f"pretraining in the droid fork: loss {first:.3f} -> {last:.3f} in {len(losses)} steps")
    (saved,) = out.glob("**/models/*.pth")
    return saved


def write_droid_like(files: Sequence[Path], path: Path) -> None:
    """The same demonstrations under DROID's names, with ten actions."""
    with h5py.File(path, "w") as out:
        data = out.create_group("data")
        for file in files:
            with h5py.File(file, "r") as source:
                data.attrs["env_args"] = source["data"].attrs["env_args"]
                for demo in source["data"].values():
                    copy = data.create_group(f"demo_{len(data)}")
                    copy.attrs["num_samples"] = len(demo["actions"])
                    actions = demo["actions"][()]
                    extra = actions[:, :3] * 0.5
                    copy["actions"] = np.concatenate([actions, extra], axis=1)
                    for ours, theirs in zip(CAMERAS, DROID_CAMERAS, strict=True):
                        copy[f"obs/{theirs}"] = demo[f"obs/{ours}"][()]
                    pose = (demo["obs/ee_pos"][()], demo["obs/ee_ori"][()])
                    copy[f"obs/{DROID_LOW_DIM[0]}"] = np.concatenate(pose, axis=1)
                    copy[f"obs/{DROID_LOW_DIM[1]}"] = demo["obs/gripper_states"][:, :1]


def train(args: argparse.Namespace, tree: Path, made: Any, out: Path) -> list[float]:
    out.mkdir(parents=True)
    (out / "config.json").write_text(json.dumps(made))
    metrics = out / "metrics.jsonl"
    done = subprocess.run(
        [args.python, "robomimic/scripts/train.py", "--config", str(out / "config.json")],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tree), str(ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "FORKCTL_METRICS": str(metrics),
        },
        cwd=tree,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(done.stdout[-2000:])
    return [json.loads(line)["loss"] for line in metrics.read_text().splitlines()]


if __name__ == "__main__":
    main()
