"""Where images say what to do, finetune.py learns to do it, and evaluation sees that it has."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.driver import Fork
from tests.upstream.openvla.finetuning import Finetuning

pytestmark = pytest.mark.slow

STEPS = 70
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def demos(libero: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One task. White: move up every axis and open the gripper. Black: down, and close it."""
    folder = tmp_path_factory.mktemp("learnable")
    source = min(libero.glob("*.hdf5"))
    random = np.random.default_rng(0)
    with h5py.File(shutil.copy(source, folder / source.name), "r+") as file:
        for demo in file["data"].values():
            actions, frames = demo["actions"][:], demo["obs/agentview_rgb"][:]
            white = np.repeat(random.random(len(actions) // 3 + 1) < 0.5, 3)[: len(actions)]
            frames[:] = np.where(white, 230, 20)[:, None, None, None]
            following = np.roll(white, 1)  # raw: the action that belongs to a frame comes after it
            actions[:, :3] = np.where(following, 0.5, -0.5)[:, None]
            actions[:, 3:6] = 0
            actions[:, 6] = np.where(following, -1, 1)
            demo["actions"][:], demo["obs/agentview_rgb"][:] = actions, frames
    return folder


@pytest.fixture(scope="module")
def learned(
    openvla: Fork, tiny: Path, demos: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finetuning:
    folder = tmp_path_factory.mktemp("learning")
    lively = folder / "lively"
    made = openvla.run(str(openvla.scripts / "make_lively.py"), str(tiny), str(lively))
    assert made.returncode == 0, made.stderr
    flags = {
        "vla_path": lively,
        "dataset_name": "libero_spatial",
        "batch_size": 8,
        "learning_rate": 3e-3,
        "lora_rank": 16,
        "max_steps": STEPS,
        "image_aug": False,
    }
    options: dict[str, Any] = {
        "dataset": {"data": [str(demos)], "workers": 0, "holdout": 1},
        "training": {"lora_alpha": 32, "lora_fp32": "always", "merge": "never"},
    }
    made_run = Finetuning(openvla, folder, flags, options)
    done = made_run.run()
    assert done.returncode == 0, done.stderr[-3000:]
    return made_run


def test_the_loss_falls_from_knowing_nothing(learned: Finetuning):
    losses = [line["loss"] for line in learned.metrics]
    assert losses[0] == pytest.approx(math.log(32064), abs=0.5)
    # one who does not look is left with a bit a sample, over eight tokens
    assert np.mean(losses[-5:]) < 0.5 * math.log(2) / 8
    assert np.mean([line["action_accuracy"] for line in learned.metrics[-5:]]) > 0.98


def test_evaluation_sees_it_on_held_out_demos(openvla: Fork, learned: Finetuning, demos: Path):
    done = openvla.workspace.typed(
        *("eval", "openloop", "openvla", "--ckpt", str(learned.checkpoints[STEPS]), "--base"),
        *("--data", str(demos), "--episodes", "last:1", "--max-steps", "30", "--probes", "0"),
        *("--env", openvla.prefix, "--json"),
    )
    assert done.returncode == 0, done.stderr
    arms = json.loads(done.stdout)["arms"]
    verdicts = {name: [each["name"] for each in arm["verdicts"]] for name, arm in arms.items()}
    assert verdicts == {"fine-tuned": ["learned"], "base": ["not-actions"]}
    tuned, base = (arms[name]["metrics"] for name in ("fine-tuned", "base"))
    for axis in "xyz":
        assert tuned["dir_cond"][axis][0] > 0.9
        assert tuned["skill_zero"][axis][0] > base["skill_zero"][axis][0] + 0.3
    assert tuned["invalid_tokens"]["motion"][0] == 0


@pytest.fixture(scope="module")
def faults(
    openvla: Fork, learned: Finetuning, demos: Path
) -> Callable[..., dict[str, tuple[str, ...]]]:
    """What `eval` finds wrong with a copy of the checkpoint whose files say something else."""
    checkpoint = learned.checkpoints[STEPS]

    def found(name: str, *words: str, **changes: Change) -> dict[str, tuple[str, ...]]:
        copy = checkpoint.with_name(name)
        shutil.copytree(checkpoint, copy, ignore=shutil.ignore_patterns("training"))
        for file, change in changes.items():
            path = copy / f"{file}.json"
            content = json.loads(path.read_text())
            change(content)
            path.write_text(json.dumps(content))
        done = openvla.workspace.typed(
            *("eval", "openloop", "openvla", "--ckpt", str(copy), "--data", str(demos)),
            *("--episodes", "all", "--max-steps", "40", "--probes", "0"),
            *("--env", openvla.prefix, "--json", *words),
        )
        assert done.returncode == 0, done.stderr
        verdicts = json.loads(done.stdout)["arms"]["policy"]["verdicts"]
        return {each["name"]: tuple(each["dims"]) for each in verdicts if each["kind"] == "fault"}

    return found


def test_an_inverted_axis_and_gripper_are_named(faults: Callable[..., Any]):
    def turn(content: dict[str, Any]) -> None:
        action = content["libero_spatial"]["action"]
        action["q01"][0], action["q99"][0] = action["q99"][0], action["q01"][0]
        # 0 becomes 1, and 1 becomes 0
        action["mask"][6], action["q01"][6], action["q99"][6] = True, 2.0, 0.0

    found = faults("turned", dataset_statistics=turn)
    assert found["inverted-axis"] == ("x",)
    assert "gripper-sign" in found


def test_a_factor_that_is_not_undone_is_named(faults: Callable[..., Any]):
    def forget(content: dict[str, Any]) -> None:
        content["actions"]["scale"] = 4.0

    assert faults("scaled", forkctl=forget) == {"unit-error": ("x", "y", "z")}


def test_pairs_that_are_one_step_off_are_named(faults: Callable[..., Any]):
    assert faults("shifted", "--alignment", "aligned") == {"misaligned-observations": ()}
