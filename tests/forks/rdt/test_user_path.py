"""What a person does with the real upstream: config, run, resume, evaluate; and mistakes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rdt_lab import ROOT, RdtLab, tiny_config, write_config

pytestmark = [pytest.mark.upstream, pytest.mark.slow]


@pytest.fixture(scope="module")
def trained(
    rdt: RdtLab, tiny: Path, libero: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished run, with flags as tutorials have them."""
    config = write_config(
        tmp_path_factory.mktemp("config") / "tiny.yaml",
        tiny_config(tiny, libero, representation="absolute"),
    )
    rdt.ok(
        *("run", "rdt", str(config), "--env", rdt.prefix),
        *("--", "--save_steps", "2", "--run_name", "first", "--push_to_hub", "False"),
    )
    (run,) = (rdt.workspace / "runs" / "rdt").glob("first-*")
    return run


def test_a_run_trains_samples_saves_and_says_so(trained: Path) -> None:
    record = json.loads((trained / "run.json").read_text())
    assert record["status"] == "finished"
    names = [link.name for link in sorted((trained / "checkpoints").iterdir())]
    assert names == ["checkpoint-2", "checkpoint-4"]
    sidecar = json.loads((trained / "checkpoints" / "checkpoint-4" / "forkctl.json").read_text())
    assert sidecar["representation"] == "absolute"
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    train = [line for line in lines if line.get("split", "train") == "train"]
    assert [line["step"] for line in train] == [1, 2, 3, 4]
    assert all(line["loss"] > 0 for line in train)


def test_nothing_of_upstreams_was_changed_by_the_run(rdt: RdtLab, trained: Path) -> None:
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(words, cwd=rdt.tree, capture_output=True, text=True).stdout == ""
    mine = json.loads((trained / "configs" / "dataset_stat.json").read_text())
    theirs = json.loads((rdt.tree / "configs" / "dataset_stat.json").read_text())
    assert "libero_spatial" in mine and "libero_spatial" not in theirs
    assert {name: mine[name] for name in theirs} == theirs


def test_languages_are_embedded_once_and_kept(rdt: RdtLab, trained: Path) -> None:
    kept = sorted((rdt.cache / "rdt-language").glob("*/*.pt"))
    assert len(kept) == 2
    own = sorted((trained / "language").glob("*.pt"))
    assert {path.read_bytes() for path in own} == {path.read_bytes() for path in kept}
    said = rdt.run(
        "-c",
        "import sys, torch; t = torch.load(sys.argv[1]); print(t.dim(), t.shape[1], t.dtype)",
        str(own[0]),
    )
    assert said.stdout.split() == ["2", "4096", "torch.bfloat16"]


def test_the_checkpoint_is_evaluated_with_absolute_targets(
    rdt: RdtLab, trained: Path, libero: Path, tmp_path: Path
) -> None:
    words = ["--data", str(libero), "--episodes", "last:1", "--max-steps", "6", "--probes", "0"]
    rdt.ok(
        *("eval", "openloop", "rdt", "--env", rdt.prefix, "-o", str(tmp_path / "out")),
        *("--ckpt", str(trained / "checkpoints" / "checkpoint-4"), *words),
    )
    entries = [
        json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").open() if line.strip()
    ]
    conventions = [entry["conventions"] for entry in entries if "conventions" in entry]
    assert conventions and conventions[0]["actions"] == "rdt-absolute"
    assert conventions[0]["rotate_images"] is True
    assert (tmp_path / "out" / "report.html").exists()


def test_a_checkpoint_without_a_side_car_is_refused(
    rdt: RdtLab, trained: Path, libero: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "checkpoint-4"
    bare.mkdir()
    for file in ("config.json", "pytorch_model.bin"):
        (bare / file).symlink_to(trained / "upstream" / "checkpoint-4" / file)
    done = rdt.forkctl(
        *("eval", "openloop", "rdt", "--env", rdt.prefix, "--ckpt", str(bare)),
        *("--data", str(libero), "--max-steps", "4", "-o", str(tmp_path / "out")),
    )
    assert done.returncode == 1
    assert "nothing says what the numbers of this model mean" in done.stderr


def test_a_run_that_was_cut_short_goes_on_from_its_last_checkpoint(
    rdt: RdtLab, trained: Path
) -> None:
    """As if it had been killed after its second step."""
    shutil.rmtree(trained / "upstream" / "checkpoint-4")
    record = json.loads((trained / "run.json").read_text())
    record["status"] = "interrupted"
    (trained / "run.json").write_text(json.dumps(record))
    rdt.ok("runs", "resume", trained.name)
    assert (trained / "upstream" / "checkpoint-4" / "forkctl.json").is_file()
    assert "Resuming from checkpoint checkpoint-2" in (trained / "log.txt").read_text()


def test_a_shipped_config_is_taken_by_upstreams_own_parser(rdt: RdtLab, libero: Path) -> None:
    """They differ in names alone."""
    config = ROOT / "configs" / "rdt_libero_10.yaml"
    words = ["--data", str(libero), "--env", rdt.prefix, "--dry-run", "--json"]
    done = rdt.forkctl("run", "rdt", str(config), *words, "--set", "forkctl.holdout=1")
    found = {each["subject"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["config"]["text"] == "taken by upstream's own parser"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"flags": {"lerning_rate": 1}}, "upstream has no key --lerning_rate"),
        ({"flags": {"mixed_precision": "fp8"}}, "invalid choice: 'fp8'"),
        ({"upstream": {"model": {"rdt": {"dept": 3}}}}, "no key upstream.model.rdt.dept"),
        ({"forkctl": {"representation": "euler"}}, "'euler'"),
        ({"forkctl": {"horizon": 3}}, "unknown keys: horizon"),
        ({"forkctl": {"dataset": "agilex"}}, "a data set agilex of its own"),
        ({"forkctl": {"files": ["/no/such/folder"]}}, "there is no such file or folder"),
        ({"flags": {"pretrained_vision_encoder_name_or_path": "/no/such"}}, "no such folder"),
    ],
)
def test_a_mistake_ends_in_a_sentence_before_anything_starts(
    rdt: RdtLab,
    tiny: Path,
    libero: Path,
    tmp_path: Path,
    change: dict[str, dict[str, Any]],
    told: str,
) -> None:
    config = tiny_config(tiny, libero)
    for section, values in change.items():
        config[section] = {**config[section], **values}
    path = write_config(tmp_path / "wrong.yaml", config)
    done = rdt.forkctl("run", "rdt", str(path), "--env", rdt.prefix, "--name", "wrong")
    assert done.returncode in (1, 2)
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((rdt.workspace / "runs").glob("rdt/wrong-*"))


def test_a_broken_demo_is_named_before_anything_starts(
    rdt: RdtLab, tiny: Path, tmp_path: Path
) -> None:
    rdt.ok(
        *("data", "synth", "libero_spatial", "--tasks", "1", "--demos", "2", "--image-size", "48"),
        *("--defect", "nan-action", "--out", str(tmp_path / "broken")),
    )
    config = write_config(tmp_path / "c.yaml", tiny_config(tiny, tmp_path / "broken"))
    done = rdt.forkctl("run", "rdt", str(config), "--env", rdt.prefix)
    assert done.returncode == 1
    assert "demo_" in done.stdout and "failed" in done.stdout


def test_the_generated_config_is_a_yaml_file_that_upstream_takes(
    rdt: RdtLab, libero: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.yaml"
    words = ["--representation", "velocity", "--data", str(libero), "-o", str(out), "--validate"]
    rdt.ok("config", "rdt", "libero_spatial", *words, "--env", rdt.prefix)
    assert yaml.safe_load(out.read_text())["forkctl"]["representation"] == "velocity"
