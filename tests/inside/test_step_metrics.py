"""All overlays count steps and epochs alike, because they count here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from forkctl.inside.metrics import StepMetrics
from forkctl.training.metrics import read_metrics, series

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {"loss": 0.5, "lr": 1e-3, "grad_norm": None}


def counted(path: Path) -> list[tuple[Any, Any]]:
    return [(line["step"], line["epoch"]) for line in read_metrics(path)]


def test_a_step_and_a_validation_are_lines_of_one_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = StepMetrics(path)
    metrics.step(1, 1, 32, seconds=0.5, l1=0.25, **NUMBERS)
    metrics.valid(1, 1, {"error_x_m": 0.01})
    step, valid = read_metrics(path)
    assert (step.pop("time"), valid.pop("time")) > (0, 0)
    assert step == {"step": 1, "epoch": 1, "samples_per_s": 64.0, "l1": 0.25, **NUMBERS}
    assert valid == {"step": 1, "epoch": 1, "split": "valid", "error_x_m": 0.01}


def test_the_clock_of_a_step_starts_anew_after_a_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    metrics = StepMetrics(tmp_path / "metrics.jsonl")
    now[0] += 2
    assert metrics.step(1, 1, 32, **NUMBERS)["samples_per_s"] == 16.0
    now[0] += 50
    metrics.valid(1, 1, {})
    now[0] += 4
    assert metrics.step(2, 1, 32, **NUMBERS)["samples_per_s"] == 8.0


def test_a_process_that_nobody_asked_writes_nothing(tmp_path: Path) -> None:
    metrics = StepMetrics(None)
    assert metrics.next_step(1) == 1
    assert metrics.step(1, 1, 1, **NUMBERS)["step"] == 1
    assert not list(tmp_path.iterdir())


def test_a_resumed_run_repeats_the_epoch_in_which_it_stopped(tmp_path: Path) -> None:
    """For upstreams that count no steps: the file says how far the epochs before went."""
    path = tmp_path / "metrics.jsonl"
    for part in ([1, 1, 2, 2, 3], [3, 3, 4]):
        metrics = StepMetrics(path)
        for epoch in part:
            metrics.step(metrics.next_step(epoch), epoch, 1, **NUMBERS)
        with path.open("a") as file:
            file.write('{"torn')  # killed while it wrote
            file.write("\n")
    assert counted(path) == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (5, 3), (6, 3), (7, 4)]
    assert [step for step, _ in series(read_metrics(path), "loss")] == [1, 2, 3, 4, 5, 6, 7]


def test_openvla_counts_epochs_from_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "overlays" / "openvla")
    from forkctl_openvla.metrics import Steps

    path = tmp_path / "metrics.jsonl"
    steps = Steps(StepMetrics(path), 5, 99, samples_per_step=4, samples_per_epoch=8)
    for step in range(1, 6):
        for loss in (0.2, 0.4):  # two micro-batches
            steps.observe(loss=loss, action_accuracy=0.5, l1=0.1)
        steps.write(step, lr=1e-3, grad_norm=2.0)
    assert counted(path) == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]
    assert read_metrics(path)[0]["loss"] == pytest.approx(0.3)


def test_robomimic_goes_on_counting_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "overlays" / "robomimic")
    monkeypatch.setenv("FORKCTL_METRICS", str(tmp_path / "metrics.jsonl"))
    from robomimic.forkctl_ext.metrics import record_step

    clock = {"Data_Loading": [1.0], "Process_Batch": [0.5], "Train_Batch": [0.5]}
    for epochs in ([1, 1], [2, 2]):
        model = SimpleNamespace(optimizers={})
        for epoch in epochs:
            record_step(model, epoch, {"Loss": 0.5}, {"actions": [0] * 16}, clock)
    assert counted(tmp_path / "metrics.jsonl") == [(1, 1), (2, 1), (3, 2), (4, 2)]
    (line, *_) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["samples_per_s"] == 8.0
    for name in [name for name in sys.modules if name.startswith("robomimic")]:
        del sys.modules[name]  # a stand-in of the package, which holds the overlay alone
