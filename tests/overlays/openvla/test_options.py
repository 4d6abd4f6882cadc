"""The options file is read, and its checkpoints' side-car reads back as it was written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from forkctl_openvla import options, sidecar

from forkctl.errors import ForkctlError
from forkctl.inside.sidecar import FILE
from tests import ROOT


def test_an_empty_file_is_the_defaults(tmp_path: Path):
    path = tmp_path / "options.json"
    path.write_text("{}")
    read = options.load(path)
    assert read == options.Options()
    assert read.training.max_grad_norm == 1.0
    assert read.dataset.images == "parity"


def test_what_is_written_reads_back():
    made = options.parse(
        {
            "dataset": {"data": ["a.hdf5"], "window": {"steps": 4, "mode": "every"}, "scale": 2},
            "training": {"lora_targets": ["q_proj"], "lora_alpha": 32, "resume": "auto"},
        }
    )
    assert made.dataset.window.steps == 4
    assert made.dataset.scale == 2.0
    assert made.training.peft_targets() == ["q_proj"]
    assert options.parse(json.loads(json.dumps(options.to_json(made)))) == made


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"datset": {}}, "datset: there is no such key\nHint: did you mean dataset?"),
        ({"dataset": {"window": {"steps": 0}}}, "dataset.window.steps: 0 is not valid"),
        ({"dataset": {"images": "fast"}}, "parity, uint8-device-normalise, raw-device-resize"),
        ({"dataset": {"scale": 0}}, "dataset.scale: 0 is not valid; expected a number above 0"),
        ({"dataset": {"holdout": -1}}, "dataset.holdout: -1 is not valid"),
        ({"dataset": {"workers": -1}}, "dataset.workers: -1 is not valid"),
        ({"dataset": {"alignment": "shifted"}}, "expected one of auto, raw, aligned"),
        ({"dataset": {"augmentation": "some"}}, "expected one of upstream, tied, independent"),
        ({"training": {"max_grad_norm": -1}}, "training.max_grad_norm: -1 is not valid"),
        ({"training": {"lora_targets": "qkvo"}}, "one of all-linear, attention or a list of texts"),
        ({"training": {"lora_alpha": 0}}, "training.lora_alpha: 0 is not valid"),
        ({"training": {"lora_fp32": "yes"}}, "expected one of auto, always, never"),
        ({"training": {"epochs": 0}}, "training.epochs: 0 is not valid; expected"),
        ({"training": {"schedule": "linear"}}, "expected one of constant, cosine"),
        ({"training": {"warmup_steps": -1}}, "training.warmup_steps: -1 is not valid"),
        ({"training": {"precision": "fp16"}}, "expected one of bf16, fp32"),
        ({"training": {"merge": "last"}}, "expected one of never, end, every"),
        ({"training": {"console_every": 0}}, "training.console_every: 0 is not valid"),
    ],
)
def test_what_is_not_valid_is_refused(values: Any, said: str):
    with pytest.raises(ForkctlError) as caught:
        options.parse(values)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_file_that_is_not_options_is_named(tmp_path: Path, text: str):
    path = tmp_path / "options.json"
    path.write_text(text)
    with pytest.raises(ForkctlError, match=r"options\.json: "):
        options.load(path)
    with pytest.raises(ForkctlError, match=r"missing\.json: cannot be read"):
        options.load(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("rate", "said", "wanted"),
    [
        (1e-4, "auto", True),
        (5e-4, "auto", False),
        (5e-4, "always", True),
        (2e-5, "never", False),
    ],
)
def test_small_learning_rates_get_float32_lora(rate: float, said: str, wanted: bool):
    training = options.parse({"training": {"lora_fp32": said}}).training
    assert training.wants_fp32_lora(rate) is wanted


@pytest.mark.parametrize(
    ("schedule", "warmup", "shares"),
    [
        ("constant", 0, [1, 1, 1, 1]),
        ("constant", 2, [0.5, 1, 1, 1]),
        ("cosine", 0, [1, 0.8536, 0.5, 0.1464]),
        ("cosine", 2, [0.5, 1, 1, 0.5]),
        ("cosine", 4, [0.25, 0.5, 0.75, 1]),
    ],
)
def test_the_rate_of_each_step(schedule: str, warmup: int, shares: list[float]):
    training = options.parse({"training": {"schedule": schedule, "warmup_steps": warmup}}).training
    rates = [training.share_of_rate(step, 4) for step in (1, 2, 3, 4)]
    assert rates == pytest.approx(shares, abs=1e-4)


def test_neither_torch_nor_upstream_is_imported():
    code = (
        "import sys, forkctl_openvla.options, forkctl_openvla.sidecar\n"
        "print(sorted({'torch', 'numpy', 'prismatic', 'h5py'} & set(sys.modules)))"
    )
    path = str(ROOT / "overlays" / "openvla")
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_side_car_reads_back(tmp_path: Path):
    made = sidecar.Sidecar(
        step=10,
        weights=sidecar.ADAPTER,
        base="openvla/openvla-7b",
        adapter="adapter",
        actions=sidecar.Actions("libero_spatial", window=4, window_mode="mean", scale=1, repeat=4),
        images=sidecar.Images("agentview_rgb", size=(224, 224), centre_crop_area=0.9),
        alignment={"a.hdf5": "raw"},
        data={"demos": 3},
        training={},
        versions={},
    )
    made.write(tmp_path)
    assert sidecar.Sidecar.read(tmp_path) == made

    values = json.loads((tmp_path / FILE).read_text())
    assert values.pop("family") == "openvla"
    (tmp_path / FILE).write_text(json.dumps({**values, "format": 1, "fork": "openvla"}))
    assert sidecar.Sidecar.read(tmp_path) == made, "as checkpoints have it that are older"
