"""Upstream's finetune.py on LIBERO's files: exact steps, checkpoints to go on from, merging."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

from tests.driver import Fork
from tests.upstream.openvla.finetuning import Finetuning

pytestmark = pytest.mark.slow

FLAGS = {
    "dataset_name": "libero_spatial",
    "batch_size": 2,
    "grad_accumulation_steps": 2,
    "learning_rate": 1e-4,
    "lora_rank": 8,
    "lora_dropout": 0.1,
    "max_steps": 4,
    "save_steps": 2,
    "save_latest_checkpoint_only": False,
}


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
OF_DATA = ("workers", "holdout")


def finetuning(
    openvla: Fork,
    folder: Path,
    tiny: Path,
    libero: Path,
    flags: dict[str, Any] | None = None,
    **options: Any,
) -> Finetuning:
    data = {"data": [str(libero)], "workers": 0}
    data |= {name: options.pop(name) for name in OF_DATA if name in options}
    paths = {"vla_path": tiny, "data_root_dir": libero}
    return Finetuning(
        openvla, folder, {**paths, **FLAGS, **(flags or {})}, {"dataset": data, "training": options}
    )


@pytest.fixture(scope="module")
def whole(
    openvla: Fork, tiny: Path, libero: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finetuning:
    """Four steps without a stop, frames read by two worker processes."""
    made = finetuning(openvla, tmp_path_factory.mktemp("whole"), tiny, libero, workers=2)
    done = made.run()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert "step 4/4  loss" in done.stdout, "nothing to read on the terminal"
    return made


@pytest.fixture(scope="module")
def trained(
    openvla: Fork,
    tiny: Path,
    whole: Finetuning,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    scratch = tmp_path_factory.mktemp("probe-training")
    return openvla.probe(
        "probe_training", checkpoint=tiny, merged=whole.checkpoints[4], scratch=scratch
    )


def test_steps_and_saves_are_exactly_those_asked_for(whole: Finetuning):
    assert [(line["step"], line["epoch"]) for line in whole.metrics] == [
        (n, 1) for n in range(1, 5)
    ]
    assert whole.metrics[0]["loss"] == pytest.approx(math.log(32064), abs=0.15)
    fields = {"epoch", "lr", "grad_norm", "samples_per_s", "time", "action_accuracy", "l1"}
    assert fields < set(whole.metrics[0])
    assert sorted(whole.checkpoints) == [2, 4]
    kinds = {
        step: json.loads((folder / "forkctl.json").read_text())["weights"]
        for step, folder in whole.checkpoints.items()
    }
    assert kinds == {2: "adapter", 4: "merged"}
    assert not list(whole.checkpoints[2].glob("*.safetensors"))


def test_a_killed_run_goes_on_as_if_it_had_not_stopped(
    openvla: Fork, tiny: Path, libero: Path, whole: Finetuning, tmp_path: Path
):
    killed = finetuning(openvla, tmp_path / "run", tiny, libero, resume="auto")
    killed.run_until(step=2)
    assert sorted(killed.checkpoints) == [2], killed.folder.with_suffix(".log").read_text()[-2000:]
    resumed = killed.run()
    assert resumed.returncode == 0, resumed.stderr[-3000:]

    last = {line["step"]: line for line in killed.metrics}  # a step may have been made twice
    for line in whole.metrics:
        for name in ("loss", "grad_norm", "l1"):
            assert last[line["step"]][name] == line[name], (line["step"], name)
    for name in ("adapter/adapter_model.safetensors", "model.safetensors"):
        ours, theirs = (run.checkpoints[4] / name for run in (killed, whole))
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_a_run_does_not_write_over_another(whole: Finetuning):
    again = whole.run()
    assert again.returncode == 1
    assert "set training.resume to auto" in again.stderr
    assert "Traceback" not in again.stderr

    assert len(whole.metrics) == 4


def test_two_processes_share_the_data(openvla: Fork, tiny: Path, libero: Path, tmp_path: Path):
    flags = {"max_steps": 2, "save_steps": 1, "save_latest_checkpoint_only": True}
    pair = finetuning(openvla, tmp_path / "two", tiny, libero, flags, merge="every")
    done = pair.run(*TWO)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line["step"] for line in pair.metrics] == [1, 2]
    assert sorted(pair.checkpoints) == [2], "the latest only"
    ranks = sorted(path.name for path in (pair.checkpoints[2] / "training").iterdir())
    assert ranks == ["rank-0.pt", "rank-1.pt", "state.pt"]


@pytest.fixture(scope="module")
def watched(
    openvla: Fork, tiny: Path, libero: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finetuning:
    """Four steps, counted in epochs, with the rate rising and falling, and held-out demos."""
    samples = 0
    for path in libero.glob("*.hdf5"):
        with h5py.File(path) as file:
            demos = [file[f"data/demo_{number}"] for number in (0, 1)]  # the third is held out
            samples += sum(len(demo["actions"]) - 1 for demo in demos)
    made = finetuning(
        openvla,
        tmp_path_factory.mktemp("watched"),
        tiny,
        libero,
        {"max_steps": 200_000, "save_steps": 200_000},
        holdout=1,
        epochs=15.5 / samples,
        schedule="cosine",
        warmup_steps=2,
        eval_steps=2,
        eval_samples=7,
    )
    done = made.run()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return made


def test_epochs_are_counted_in_steps_and_end_the_run(watched: Finetuning):
    assert [line["step"] for line in trained_lines(watched)] == [1, 2, 3, 4]
    assert sorted(watched.checkpoints) == [4]


def test_the_rate_rises_and_falls_by_half_a_cosine(watched: Finetuning):
    rates = [line["lr"] for line in trained_lines(watched)]
    assert rates == pytest.approx([0.5e-4, 1e-4, 1e-4, 0.5e-4])


def test_held_out_demos_are_looked_at_and_nothing_changes_by_it(
    openvla: Fork, tiny: Path, libero: Path, watched: Finetuning, tmp_path: Path
):
    seen = [line for line in watched.metrics if line.get("split") == "valid"]
    assert [line["step"] for line in seen] == [2, 4]
    for line in seen:
        assert line["loss"] == pytest.approx(math.log(32064), abs=0.2)
        assert 0 <= line["action_accuracy"] <= 1 and 0 < line["l1"] < 2
    assert seen[0]["loss"] > seen[1]["loss"], "four steps at 1e-4 lower it a little"
    course = {"schedule": "cosine", "warmup_steps": 2}
    unseen = finetuning(openvla, tmp_path / "unseen", tiny, libero, holdout=1, **course)
    assert unseen.run().returncode == 0
    ours, theirs = (
        run.checkpoints[4] / "adapter/adapter_model.safetensors" for run in (watched, unseen)
    )
    assert ours.read_bytes() == theirs.read_bytes()


def test_processes_share_the_held_out_demos_too(
    openvla: Fork, tiny: Path, libero: Path, tmp_path: Path
):
    """At a rate that moves nothing, one and two say the same of them."""
    flags = {"max_steps": 1, "save_steps": 9, "learning_rate": 1e-30}
    wanted = {"holdout": 1, "eval_steps": 1, "eval_samples": 7, "merge": "never"}
    said = []
    for name, launcher in (("one", ()), ("two", TWO)):
        run = finetuning(openvla, tmp_path / name, tiny, libero, flags, **wanted)
        done = run.run(*launcher)
        assert done.returncode == 0, done.stderr[-3000:]
        (line,) = [line for line in run.metrics if line.get("split") == "valid"]
        said.append([line[name] for name in ("loss", "action_accuracy", "l1")])
    assert said[0] == pytest.approx(said[1], rel=2e-3)


def test_everything_is_float32_where_bfloat16_is_not_wanted(
    openvla: Fork, tiny: Path, libero: Path, tmp_path: Path
):
    flags = {"max_steps": 1, "save_steps": 1}
    run = finetuning(openvla, tmp_path / "run", tiny, libero, flags, precision="fp32")
    done = run.run()
    assert done.returncode == 0, done.stderr[-3000:]
    assert run.metrics[0]["loss"] == pytest.approx(math.log(32064), abs=0.15)
    for weights in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert kinds_of(run.checkpoints[1] / weights) == {"F32"}, weights


def kinds_of(weights: Path) -> set[str]:
    """From the header of a safetensors file."""
    content = weights.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return {entry["dtype"] for name, entry in header.items() if name != "__metadata__"}


def as_saved_earlier(checkpoint: Path, folder: Path) -> Path:
    """The same, as it is before anything is merged."""
    shutil.copytree(checkpoint, folder)
    (folder / "model.safetensors").unlink()
    sidecar = json.loads((folder / "forkctl.json").read_text())
    (folder / "forkctl.json").write_text(json.dumps({**sidecar, "weights": "adapter"}))
    return folder


def test_an_adapter_is_merged_afterwards_as_the_run_would(
    openvla: Fork, whole: Finetuning, tmp_path: Path
):
    by_run = whole.checkpoints[4]
    adapter = as_saved_earlier(by_run, tmp_path / "step-000004")
    merge = ("ckpt", "merge", "--env", openvla.prefix)
    done = openvla.workspace.typed(*merge, str(adapter))
    assert done.returncode == 0, done.stderr
    made = tmp_path / "step-000004-merged"
    assert done.stdout.strip() == str(made)
    assert (made / "model.safetensors").read_bytes() == (by_run / "model.safetensors").read_bytes()
    for name in ("config.json", "dataset_statistics.json", "forkctl.json"):
        ours, theirs = (json.loads((folder / name).read_text()) for folder in (made, by_run))
        assert ours == theirs, name
    left = {path.name for path in by_run.iterdir()} - {path.name for path in made.iterdir()}
    assert left == {"training"}, "the optimizer's state is of no use to a policy"
    for folder, said in ((adapter, "there is something already"), (made, "are whole already")):
        again = openvla.workspace.typed(*merge, str(folder))
        assert again.returncode != 0 and said in again.stderr


def test_an_adapter_of_upstreams_own_is_merged_with_a_base_that_has_moved(
    openvla: Fork, tiny: Path, whole: Finetuning, tmp_path: Path
):
    adapter = tmp_path / "adapter"
    shutil.copytree(whole.checkpoints[4] / "adapter", adapter)
    config = json.loads((adapter / "adapter_config.json").read_text())
    gone = {"base_model_name_or_path": str(tmp_path / "gone")}
    (adapter / "adapter_config.json").write_text(json.dumps({**config, **gone}))
    merge = ("ckpt", "merge", "--env", openvla.prefix, str(adapter), "-o", str(tmp_path / "out"))
    refused = openvla.workspace.typed(*merge)
    assert "the base that it was trained on is gone" in refused.stderr
    assert "Hint: say with --base where it lies now" in refused.stderr
    assert openvla.workspace.typed(*merge, "--base", str(tiny)).returncode == 0
    weights = (folder / "model.safetensors" for folder in (tmp_path / "out", whole.checkpoints[4]))
    ours, theirs = (path.read_bytes() for path in weights)
    assert ours == theirs


def trained_lines(run: Finetuning) -> list[dict[str, Any]]:
    return [line for line in run.metrics if "split" not in line]


def test_without_options_upstreams_own_loader_is_asked(openvla: Fork, tiny: Path, tmp_path: Path):
    words = ["--vla_path", str(tiny), "--run_root_dir", str(tmp_path), "--wandb_project", ""]
    done = openvla.run(str(openvla.tree / "vla-scripts/finetune.py"), *words, cwd=tmp_path)
    assert done.returncode == 1
    # which needs what this environment has not
    assert "prismatic/vla/datasets/rlds" in done.stderr
    assert "No module named 'dlimp'" in done.stderr or "No module named 'tensor" in done.stderr


def test_float32_lora_moves_at_a_small_learning_rate(trained: dict[str, Any]):
    assert trained["moved"]["auto"] > 0.99
    assert trained["moved"]["never"] < 0.5


def test_options_reach_peft(trained: dict[str, Any]):
    assert trained["attention"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert trained["layers"] == 8  # two layers of the language model, none of the vision towers
    assert trained["scaling"] == {"default": 4.0}


def test_gradient_checkpointing_gives_the_same_gradients(trained: dict[str, Any]):
    was_on, is_on, apart = trained["checkpointing"]
    assert (was_on, is_on) == (False, True)
    assert apart < 0.02


def test_merged_weights_are_those_that_peft_merges(trained: dict[str, Any]):
    merge = trained["merge"]
    assert merge["same"]
    assert merge["names"] == []
    # all but the four layers of each tower's last block, which upstream does not use
    assert merge["changed"] == merge["adapted"] - 8 > 50
    assert merge["dtypes"] == ["torch.float32"]
    assert merge["others"] == [], "frozen weights of the base in the adapter"
    assert trained["untouched"], "merging has changed the model in training"
