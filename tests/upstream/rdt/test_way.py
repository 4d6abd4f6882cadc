"""What a person does with the real upstream: config, run, resume, evaluate; and mistakes."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.driver import Fork
from tests.upstream.rdt.tiny_config import tiny_config, write_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(demos: Path, tiny: Path, rdt: Fork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, with flags as tutorials have them."""
    config = write_config(
        tmp_path_factory.mktemp("config") / "tiny.yaml",
        tiny_config(tiny, demos, representation="absolute"),
    )
    said = rdt.workspace.said(
        *("run", "rdt", str(config), "--env", rdt.prefix),
        *("--", "--save_steps", "2", "--run_name", "first", "--push_to_hub", "False"),
    )
    for step in (2, 4):
        (line,) = [
            each for each in said.splitlines() if f"validation, epoch 1, step {step}:" in each
        ]
        assert "relative_target_x" in line
    (run,) = (rdt.workspace.root / "runs" / "rdt").glob("first-*")
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


def test_nothing_of_upstreams_was_changed_by_the_run(rdt: Fork, trained: Path) -> None:
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(words, cwd=rdt.tree, capture_output=True, text=True).stdout == ""
    mine = json.loads((trained / "configs" / "dataset_stat.json").read_text())
    theirs = json.loads((rdt.tree / "configs" / "dataset_stat.json").read_text())
    assert "libero_spatial" in mine and "libero_spatial" not in theirs
    assert {name: mine[name] for name in theirs} == theirs


def test_languages_are_embedded_once_and_kept(
    session_cache: Path, rdt: Fork, trained: Path
) -> None:
    kept = sorted((session_cache / "rdt-language").glob("*/*.pt"))
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
    demos: Path, rdt: Fork, trained: Path, tmp_path: Path
) -> None:
    words = [
        "--data",
        str(demos),
        "--episodes",
        "last:1",
        "--max-steps",
        "6",
        "--probes",
        "0",
    ]
    rdt.workspace.said(
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


def test_the_policy_sees_what_the_loader_showed_in_training(rdt: Fork, trained: Path) -> None:
    """Upstream's own loader and ours of the policy, on the same steps: the first of an episode,
    whose frame before is grey, and one in its middle."""
    words = {"run": trained, "checkpoint": trained / "checkpoints" / "checkpoint-4"}
    steps = {"first": 0, "middle": 30}
    asked = json.dumps({**words, "steps": steps}, default=str)
    done = rdt.run(str(rdt.scripts / "probe_policy.py"), asked, cwd=trained)
    assert done.returncode == 0, done.stderr[-3000:]
    for differences in json.loads(done.stdout.splitlines()[-1]).values():
        assert max(differences.values()) < 1e-6, differences


def test_the_tutorials_evaluation_runs_as_it_is_written(
    rdt: Fork, trained: Path, tiny: Path, tmp_path: Path
) -> None:
    """In the fork's environment, but for the world, which is no simulator here."""
    checkpoint = trained / "checkpoints" / "checkpoint-4"
    tutorial = [
        *("--config", "configs/base.yaml", "--pretrained", str(checkpoint)),
        *("--text_encoder", str(tiny / "t5"), "--vision_encoder", str(tiny / "siglip")),
        *("--benchmark", "libero_goal", "--num_tasks", "1", "--max_steps", "6"),
        *("--record_video", "--video_output_dir", str(tmp_path / "videos")),
    ]
    own = ["--trials", "3", "--execute", "3", "--out", str(tmp_path / "out")]
    world = ["--world", str(rdt.scripts / "still_world.py"), "--sim-env", sys.prefix]
    script = str(rdt.tree / "eval_sim" / "eval_rdt_libero.py")
    said = rdt.workspace.said(
        *("env", "exec", "rdt", "--env", rdt.prefix, "--", "python", script),
        *(*tutorial, *own, *world),
    )
    assert f"--pretrained {checkpoint} -> --ckpt {checkpoint}" in said
    assert "--config configs/base.yaml -> the checkpoint has it" in said
    record = [json.loads(line) for line in (tmp_path / "out" / "episodes.jsonl").open()]
    results = [each for each in record if "outcome" in each]
    assert [each["outcome"] for each in results] == ["success", "failure", "error"]
    assert [each["steps"] for each in results] == [5, 6, 0]
    assert "the simulation is unstable" in results[2]["error"]
    names = sorted(path.name for path in (tmp_path / "videos").glob("*.mp4"))
    task = "open_the_middle_drawer_of_the_cabinet"
    assert names[:2] == [f"{task}--000--success.mp4", f"{task}--001--failure.mp4"]
    assert "50.0 %" in said


def test_a_checkpoint_away_from_its_run_is_told_its_encoders(
    rdt: Fork, trained: Path, tiny: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "checkpoint-4"
    shutil.copytree(trained / "upstream" / "checkpoint-4", copy)
    words = [
        *("eval", "rollout", "rdt", "--env", rdt.prefix, "--ckpt", str(copy)),
        *("--suite", "libero_goal", "--tasks", "0", "--trials", "1", "--max-steps", "5"),
        *("--world", str(rdt.scripts / "still_world.py"), "--sim-env", sys.prefix),
    ]
    done = rdt.workspace.typed(*words, "--out", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "nothing says which encoders this model was trained with" in done.stderr
    options = [f"vision_encoder={tiny / 'siglip'}", f"text_encoder={tiny / 't5'}"]
    for option in options:
        words += ["--policy-option", option]
    rdt.workspace.said(*words, "--out", str(tmp_path / "out"))
    first = (tmp_path / "out" / "episodes.jsonl").read_text().splitlines()[0]
    assert all(option.split("=")[1] in first for option in options), "the record is bound to them"


def test_a_checkpoint_without_a_side_car_is_refused(
    demos: Path, rdt: Fork, trained: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "checkpoint-4"
    bare.mkdir()
    for file in ("config.json", "pytorch_model.bin"):
        (bare / file).symlink_to(trained / "upstream" / "checkpoint-4" / file)
    done = rdt.workspace.typed(
        *("eval", "openloop", "rdt", "--env", rdt.prefix, "--ckpt", str(bare)),
        *("--data", str(demos), "--max-steps", "4", "-o", str(tmp_path / "out")),
    )
    assert done.returncode == 1
    assert "nothing says what the numbers of this model mean" in done.stderr


def test_a_run_that_was_cut_short_goes_on_from_its_last_checkpoint(
    rdt: Fork, trained: Path
) -> None:
    """As if it had been killed after its second step."""
    shutil.rmtree(trained / "upstream" / "checkpoint-4")
    record = json.loads((trained / "run.json").read_text())
    record["status"] = "interrupted"
    (trained / "run.json").write_text(json.dumps(record))
    rdt.workspace.said("runs", "resume", trained.name)
    assert (trained / "upstream" / "checkpoint-4" / "forkctl.json").is_file()
    assert "Resuming from checkpoint checkpoint-2" in (trained / "log.txt").read_text()


def test_a_run_that_is_stopped_twice_tells_its_own_steps(
    demos: Path, tiny: Path, rdt: Fork, tmp_path: Path
) -> None:
    """Two processes that accumulate; each time it had gone on after its last checkpoint."""
    config = tiny_config(tiny, demos)
    more = {"gradient_accumulation_steps": 2, "max_train_steps": 6}
    config["flags"] = {**config["flags"], **more, "sample_period": -1}
    path = write_config(tmp_path / "stopped.yaml", {**config, "processes": 2, "name": "stopped"})
    words = ["run", "rdt", str(path), "--env", rdt.prefix]
    for until in (3, 5):
        stop_at(rdt, words, until)
        (run,) = (rdt.workspace.root / "runs" / "rdt").glob("stopped-*")
        words = ["runs", "resume", str(run)]
    said = rdt.workspace.said(*words)
    shown = [line.split()[1] for line in said.splitlines() if line.startswith("step ")]
    assert shown[-1] == "6/6"
    assert all(int(step.partition("/")[0]) <= 6 for step in shown)
    steps = steps_of(run)
    assert set(steps) == set(range(1, 7)), "none is left out, and none comes after the last"
    anew = [now for before, now in itertools.pairwise(steps) if now != before + 1]
    assert all(now % 2 for now in anew), "it went on from a checkpoint, which every second step has"


def stop_at(rdt: Fork, words: list[str], step: int) -> None:
    """Once this step is written."""
    begun = rdt.workspace.start(*words, output=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while begun.poll() is None and time.monotonic() < deadline:
            runs = list((rdt.workspace.root / "runs" / "rdt").glob("stopped-*"))
            if runs and step in steps_of(runs[0]):
                break
            time.sleep(0.02)
        begun.send_signal(signal.SIGINT)
        assert begun.wait(120) == 130
    finally:
        begun.kill()


def steps_of(run: Path) -> list[int]:
    found = run / "metrics.jsonl"
    lines = found.read_text().splitlines() if found.exists() else []
    return [json.loads(line)["step"] for line in lines if line.endswith("}")]


def test_a_shipped_config_is_taken_by_upstreams_own_parser(demos: Path, rdt: Fork) -> None:
    """They differ in names alone."""
    config = ROOT / "configs" / "rdt_libero_10.yaml"
    words = ["--data", str(demos), "--env", rdt.prefix, "--dry-run", "--json"]
    done = rdt.workspace.typed("run", "rdt", str(config), *words, "--set", "forkctl.holdout=1")
    found = {each["subject"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["config"]["text"] == "taken by upstream's own parser"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"flags": {"lerning_rate": 1}}, "upstream has no key --lerning_rate"),
        ({"upstream": {"model": {"rdt": {"dept": 3}}}}, "no key upstream.model.rdt.dept"),
        ({"forkctl": {"horizon": 3}}, "forkctl.horizon: there is no such key"),
        ({"forkctl": {"files": ["/no/such/folder"]}}, "no such file or folder"),
    ],
)
def test_a_mistake_ends_in_a_sentence_before_anything_starts(
    demos: Path,
    tiny: Path,
    rdt: Fork,
    tmp_path: Path,
    change: dict[str, dict[str, Any]],
    told: str,
) -> None:
    config = tiny_config(tiny, demos)
    for section, values in change.items():
        config[section] = {**config[section], **values}
    path = write_config(tmp_path / "wrong.yaml", config)
    done = rdt.workspace.typed("run", "rdt", str(path), "--env", rdt.prefix, "--name", "wrong")
    assert done.returncode in (1, 2)
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((rdt.workspace.root / "runs").glob("rdt/wrong-*"))


def test_a_broken_demo_is_named_before_anything_starts(
    demos: Path, tiny: Path, rdt: Fork, tmp_path: Path
) -> None:
    rdt.workspace.said(
        *("data", "synth", "libero_spatial", "--tasks", "1", "--demos", "2", "--image-size", "48"),
        *("--defect", "nan-action", "--out", str(tmp_path / "broken")),
    )
    config = write_config(tmp_path / "c.yaml", tiny_config(tiny, demos))
    data = ("--data", str(tmp_path / "broken"))
    done = rdt.workspace.typed("run", "rdt", str(config), "--env", rdt.prefix, *data)
    assert done.returncode == 1
    assert "demo_" in done.stdout and "failed" in done.stdout


def test_the_generated_config_is_a_yaml_file_that_upstream_takes(
    demos: Path, rdt: Fork, tmp_path: Path
) -> None:
    out = tmp_path / "mine.yaml"
    words = [
        "--representation",
        "velocity",
        "--data",
        str(demos),
        "-o",
        str(out),
        "--validate",
    ]
    rdt.workspace.said("config", "rdt", "libero_spatial", *words, "--env", rdt.prefix)
    assert yaml.safe_load(out.read_text())["forkctl"]["representation"] == "velocity"
