"""A person's way with OpenVLA, small: config, run, checkpoints, evaluation beside the base."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.driver import Fork

pytestmark = pytest.mark.slow

SETTINGS = {
    "flags.batch_size": 2,
    "flags.grad_accumulation_steps": 2,
    "flags.learning_rate": 0.01,
    "flags.save_steps": 2,
    "forkctl.dataset.workers": 0,
    "forkctl.dataset.holdout": 1,
    "forkctl.training.lora_targets": "all-linear",
}


@pytest.fixture(scope="module")
def run(openvla: Fork, tiny: Path, libero: Path) -> Path:
    """The folder of a run of three steps: an adapter after two, merged weights after three."""
    words = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    made = openvla.workspace.typed(
        *("config", "openvla", "libero_spatial", "--data", str(libero), "--ckpt", str(tiny)),
        *("-o", "way.yaml", *words),
    )
    assert made.returncode == 0, made.stderr
    runs = openvla.workspace.root / "runs" / "openvla"
    before = set(runs.iterdir()) if runs.is_dir() else set()  # of other tests
    ran = openvla.workspace.typed(
        "run", "openvla", "way.yaml", "--steps", "3", "--env", openvla.prefix
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    (folder,) = set(runs.iterdir()) - before
    return folder


@pytest.fixture(scope="module")
def faces(openvla: Fork, run: Path, tiny: Path) -> dict[str, Any]:
    saved = run / "checkpoints"
    return openvla.probe(
        "probe_faces", base=tiny, adapter=saved / "step-000002", merged=saved / "step-000003"
    )


def test_a_run_leaves_metrics_and_whole_checkpoints(run: Path):
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [each["step"] for each in metrics] == [1, 2, 3]
    assert {"loss", "lr", "grad_norm", "samples_per_s"} <= set(metrics[0])
    assert metrics[0]["loss"] == pytest.approx(np.log(32064), abs=0.15)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "step-000002",
        "step-000003",
    ]
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["checkpoint"]["path"].endswith("tiny-openvla")


def test_two_processes_make_the_same_step(openvla: Fork, run: Path) -> None:
    """`run` has written the config: 2 at a time, 2 times."""
    words = ("run", "openvla", "way.yaml", "--gpus", "2", "--dry-run", "--env", openvla.prefix)
    said = openvla.workspace.typed(*words).stdout
    assert "4 samples a step: 2 at a time, 1 times, in 2 processes" in said
    assert "--batch_size 2" in said and "--grad_accumulation_steps 1" in said
    literal = openvla.workspace.typed(*words, "--set", "flags.grad_accumulation_steps=4").stdout
    assert "16 samples a step: 2 at a time, 4 times, in 2 processes; the config has 4" in literal


def test_the_statistics_written_are_those_of_data_stats(openvla: Fork, run: Path, libero):
    path = openvla.workspace.root / "stats" / "dataset_statistics.json"
    path.parent.mkdir()
    done = openvla.workspace.typed("data", "stats", str(libero), "--write", str(path))
    assert done.returncode == 0, done.stderr
    (measured,) = json.loads(path.read_text()).values()
    for step in ("step-000002", "step-000003"):
        folder = run / "checkpoints" / step
        written = json.loads((folder / "dataset_statistics.json").read_text())
        config = json.loads((folder / "config.json").read_text())["norm_stats"]
        for entry in (written["libero_spatial"], config["libero_spatial"]):
            assert entry["action"]["mask"] == measured["action"]["mask"]
            for name in ("mean", "std", "q01", "q99", "min", "max"):
                theirs, ours = entry["action"][name], measured["action"][name]
                np.testing.assert_allclose(theirs, ours, atol=1e-9, err_msg=name)
            assert entry["num_trajectories"] == measured["num_trajectories"] == 6
        assert "tiny_pretraining" in config, "the base's own statistics stay"


def test_a_disabled_adapter_is_the_base_to_the_bit(faces: dict[str, Any]):
    assert faces["disabled_is_base"]
    assert not faces["enabled_is_base"]
    assert faces["base_of_adapter"] == faces["base"]
    assert faces["adapter"] != faces["base"], "asked as the base, it has not stayed the base"


def test_merged_weights_bring_their_base_along(faces: dict[str, Any]):
    assert faces["base_of_merged"] == faces["base"]
    assert faces["merged"] != faces["base"]
    assert all("base" in each["variants"] for each in faces["conventions"])


def test_upstreams_own_predict_action_takes_the_merged_folder(faces: dict[str, Any]):
    assert faces["upstream"] == faces["merged"]["actions"][0]


def test_what_training_did_to_actions_is_undone(faces: dict[str, Any]):
    plain, altered = np.array(faces["merged"]["actions"]), np.array(faces["altered"]["actions"])
    assert plain.shape == (1, 7) and altered.shape == (4, 7)
    np.testing.assert_allclose(altered[:, :6], np.repeat(plain[:, :6] / 2, 4, axis=0))
    np.testing.assert_array_equal(altered[:, 6], np.repeat(plain[:, 6], 4))
    assert faces["conventions"][2]["chunk"] == 4


def test_one_command_compares_it_with_its_base(openvla: Fork, run: Path, libero: Path):
    done = openvla.workspace.typed(
        *("eval", "openloop", "openvla", "--ckpt", str(run / "checkpoints" / "step-000002")),
        *("--base", "--data", str(libero), "--episodes", "last:1", "--max-steps", "4"),
        *("--probes", "0", "--env", openvla.prefix, "--html", "report.html", "--json"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["arms"]) == ["fine-tuned", "base"]
    tuned, base = (result["setup"]["policies"][name] for name in ("fine-tuned", "base"))
    assert base == {**tuned, "variant": "base"}, "one policy, loaded once"
    assert result["arms"]["base"]["metrics"]["invalid_tokens"]["motion"][0] is not None
    assert "<html" in (openvla.workspace.root / "report.html").read_text()[:200].lower()


def test_an_interrupted_run_goes_on_where_it_was(openvla: Fork, run: Path, tiny: Path):
    """`run` has written the config; this one is stopped after its first checkpoint."""
    words = ["run", "openvla", "way.yaml", "--name", "stopped", "--steps", "12"]
    settings = ["--set", "forkctl.training.merge=never", "--env", openvla.prefix]
    started = openvla.workspace.start(*words, *settings, output=subprocess.DEVNULL)
    try:
        folder = awaited(lambda: openvla.workspace.root.glob("runs/openvla/stopped-*"), started)
        awaited(lambda: folder.glob("upstream/*/step-000002/forkctl.json"), started)
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 130
    finally:
        started.kill()
    before = steps_of(folder)
    assert 2 <= len(before) < 12
    done = openvla.workspace.typed("runs", "resume", str(folder))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    after = steps_of(folder)
    assert after[: len(before)] == before, "what was recorded is kept"
    assert after[len(before)] > 2, "it did not begin anew"
    assert sorted(set(after)) == list(range(1, 13))
    assert (folder / "checkpoints" / "step-000012").exists()


def test_a_loss_that_is_no_number_stops_it_and_names_the_batch(openvla: Fork, run: Path):
    words = ["run", "openvla", "way.yaml", "--name", "wild", "--steps", "4", "--env"]
    settings = ["--set", "flags.learning_rate=1e30", "--set", "flags.save_steps=1"]
    done = openvla.workspace.typed(*words, openvla.prefix, *settings)
    assert done.returncode == 1
    (folder,) = openvla.workspace.root.glob("runs/openvla/wild-*")
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "diverged"
    frames = r"\S+_demo.hdf5 demo_[01] frame \d+"
    said = rf"stopped: the loss is nan at step 2, in batch [23]: {frames}[;,] .*\d"
    assert re.fullmatch(said, record["reason"])
    assert f"the run diverged: {record['reason']}" in done.stderr
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-000001"]


def steps_of(run: Path) -> list[int]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def awaited(look: Callable[[], Iterable[Path]], process: subprocess.Popen[str]) -> Path:
    """The first path that comes to be while the process lives."""
    while process.poll() is None:
        for path in look():
            return path
        time.sleep(0.05)
    raise AssertionError(f"it ended with {process.returncode} first")


def test_upstreams_own_parser_takes_the_preset_of_the_paper(openvla: Fork, libero: Path) -> None:
    words = ("--preset", "paper", "--data", str(libero), "-o", "paper.yaml", "--validate")
    openvla.workspace.said("config", "openvla", "libero_spatial", *words, "--env", openvla.prefix)
    assert "batch_size" in (openvla.workspace.root / "paper.yaml").read_text()
