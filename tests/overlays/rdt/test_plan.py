"""What is checked before a model is loaded, and which checkpoints a run goes on from. No torch."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from forkctl_rdt import plan as planning
from forkctl_rdt.checkpoints import check_start, checkpoint_saved
from forkctl_rdt.dataset import LiberoDataset
from forkctl_rdt.options import Options
from forkctl_rdt.plan import Plan, for_sampling, plan_of, prepare
from forkctl_rdt.sidecar import Sidecar

from forkctl.errors import ForkctlError
from forkctl.inside.sidecar import FILE

OPTIONS = Options("spatial", ("/data",))
SIDECAR = Sidecar(
    representation="delta",
    joints=False,
    robot_base=(0.0, 0.0, 0.0),
    units=OPTIONS.layout.units(),
    alignment="raw",
    rotate_images=True,
    control_hz=20.0,
    dataset="spatial",
    holdout=0,
    statistics="sha256:0",
    action_mean=(0.0,) * 128,
    precomputed_language=False,
    versions={"python": "3.10"},
)


def flags(out: Path, **changes: Any) -> Namespace:
    usual = {
        "config_path": "run/config.yaml",
        "output_dir": str(out),
        "load_from_hdf5": True,
        "dataset_type": "finetune",
        "precomp_lang_embed": False,
        "deepspeed": None,
        "resume_from_checkpoint": None,
        "pretrained_model_name_or_path": None,
    }
    return Namespace(**{**usual, **changes})


def checkpoint(out: Path, step: int, sidecar: Sidecar | None = SIDECAR) -> Path:
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    if sidecar is not None:
        sidecar.write(folder)
    return folder


@pytest.fixture
def config(demos: Path, tmp_path: Path) -> dict[str, Any]:
    configs = tmp_path / "configs"
    configs.mkdir()
    entry = {"state_mean": [0.0] * 128, "action_mean": [0.1] * 128}
    (configs / "finetune_datasets.json").write_text('["agilex", "spatial"]')
    (configs / "dataset_control_freq.json").write_text('{"agilex": 25, "spatial": 20}')
    (configs / "dataset_stat.json").write_text(json.dumps({"spatial": entry}))
    return {
        "common": {"action_chunk_size": 8, "img_history_size": 2},
        "dataset": {"buf_path": "nowhere"},
        "forkctl": {
            "dataset": "spatial",
            "files": [str(demos)],
            "configs": str(configs),
            "holdout": 1,
        },
    }


def test_the_loader_is_given_the_plan(config: dict[str, Any], tmp_path: Path) -> None:
    made = prepare(config, flags(tmp_path))
    assert made["dataset"]["config_path"] == "run/config.yaml"
    plan = plan_of(made["dataset"])
    assert isinstance(plan, Plan) and plan == plan_of(made)
    assert plan.sidecar.alignment == "raw", "found, not 'auto'"
    assert plan.sidecar.action_mean == (0.1,) * 128
    assert plan.sidecar.units["30"] == "delta_x [m]"
    assert len(plan.dataset.demos) == 4
    sampled = plan_of(for_sampling(made["dataset"]))
    assert sampled is not None and len(sampled.dataset.demos) == 2, "those that are held out"
    assert len(plan.dataset.demos) == 4, "and training keeps its own"


def test_each_data_set_is_built_once(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[bool] = []

    class Counted(LiberoDataset):
        def __init__(self, *words: Any, held_out: bool = False, **more: Any) -> None:
            built.append(held_out)
            super().__init__(*words, held_out=held_out, **more)

    monkeypatch.setattr(planning, "LiberoDataset", Counted)
    made = prepare(config, flags(tmp_path))["dataset"]
    plans = [plan_of(made), plan_of(for_sampling(made))]
    assert [len(plan.dataset.demos) for plan in plans if plan is not None] == [4, 2]
    assert built == [False, True]


def test_without_a_section_nothing_changes(tmp_path: Path) -> None:
    config = {"common": {}, "dataset": {"buf_path": "nowhere"}}
    made = prepare(config, flags(tmp_path, load_from_hdf5=False))
    assert made["dataset"] == {"buf_path": "nowhere", "config_path": "run/config.yaml"}
    assert for_sampling(made["dataset"]) is made["dataset"]


@pytest.mark.parametrize(
    ("section", "flag", "said"),
    [
        ({"dataset": "goal"}, {}, "the dataset 'goal' is not in .*finetune_datasets.json"),
        ({"files": ["/no/such/folder"]}, {}, "no such file or folder"),
        ({"holdout": 3}, {}, "no demo is left to train on"),
        ({}, {"load_from_hdf5": False}, "--load_from_hdf5 --dataset_type=finetune"),
        ({}, {"dataset_type": "pretrain"}, "--load_from_hdf5 --dataset_type=finetune"),
        ({}, {"precomp_lang_embed": True}, "embeddings"),
        ({}, {"resume_from_checkpoint": "checkpoint-9"}, "no such checkpoint"),
        ({}, {"pretrained_model_name_or_path": "someone/model"}, "nothing is known of the model"),
    ],
)
def test_what_is_wrong_is_said_at_once(
    config: dict[str, Any],
    tmp_path: Path,
    section: dict[str, Any],
    flag: dict[str, Any],
    said: str,
) -> None:
    config["forkctl"].update(section)
    with pytest.raises(SystemExit, match=said) as caught:
        prepare(config, flags(tmp_path, **flag))
    assert str(caught.value).startswith("forkctl: ")


def test_deepspeed_that_would_be_ignored(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = flags(tmp_path, deepspeed="configs/zero2.json")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(SystemExit, match="ignored without a word"):
        prepare(dict(config), asked)
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with pytest.raises(SystemExit, match="ignored without a word"):
        prepare(dict(config), asked)
    monkeypatch.delenv("ACCELERATE_USE_CPU")
    assert plan_of(prepare(config, asked)) is not None


def test_statistics_of_another_shape(config: dict[str, Any], tmp_path: Path) -> None:
    path = Path(config["forkctl"]["configs"]) / "dataset_stat.json"
    path.write_text('{"spatial": {"state_mean": [0.0, 1.0]}}')
    with pytest.raises(SystemExit, match="128 numbers"):
        prepare(config, flags(tmp_path))


def test_embeddings_of_all_tasks(config: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "embeddings"
    folder.mkdir()
    config["forkctl"]["embeddings"] = str(folder)
    asked = flags(tmp_path, precomp_lang_embed=True)
    with pytest.raises(SystemExit, match="no embedding of 2 of 2 tasks"):
        prepare(config, asked)
    for path in Path(config["forkctl"]["files"][0]).glob("*.hdf5"):
        (folder / f"{path.stem.removesuffix('_demo')}.pt").write_bytes(b"tensor")
    plan = plan_of(prepare(config, asked))
    assert plan is not None and plan.sidecar.precomputed_language


def test_a_sidecar_comes_back(tmp_path: Path) -> None:
    SIDECAR.write(tmp_path)
    assert Sidecar.read(tmp_path) == SIDECAR
    assert SIDECAR.layout == OPTIONS.layout


def test_a_sidecar_of_an_older_checkpoint(tmp_path: Path) -> None:
    values = {**asdict(SIDECAR), "format": 1}  # which said no family
    (tmp_path / FILE).write_text(json.dumps(values))
    assert Sidecar.read(tmp_path) == SIDECAR


@pytest.mark.parametrize(
    ("change", "start", "resume"),
    [
        ({"representation": "absolute"}, True, True),
        ({"alignment": "aligned"}, True, True),
        ({"robot_base": (0.5, 0.0, 0.0)}, True, True),
        ({"units": {"30": "delta_x [0.05 m]"}}, True, True),
        ({"rotate_images": False}, True, True),
        ({"statistics": "sha256:1"}, False, True),
        ({"dataset": "goal"}, False, True),
        ({"versions": {}}, False, False),
    ],
)
def test_what_a_model_must_share_with_a_run(
    tmp_path: Path, change: dict[str, Any], start: bool, resume: bool
) -> None:
    folder = checkpoint(tmp_path, 2, replace(SIDECAR, **change))
    starting = flags(tmp_path, pretrained_model_name_or_path=str(folder))
    resuming = flags(tmp_path, resume_from_checkpoint="latest")
    for asked, refused in ((starting, start), (resuming, resume)):
        if refused:
            with pytest.raises(ForkctlError, match=f"under other terms: {next(iter(change))}"):
                check_start(asked, OPTIONS, SIDECAR)
        else:
            check_start(asked, OPTIONS, SIDECAR)


def test_a_model_without_a_sidecar_is_refused_unless_trusted(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, 2, None)
    weights = folder / "pytorch_model" / "mp_rank_00_model_states.pt"
    weights.parent.mkdir()
    weights.write_bytes(b"DeepSpeed")
    for name in (folder, weights):
        asked = flags(tmp_path / "new", pretrained_model_name_or_path=str(name))
        with pytest.raises(ForkctlError, match=FILE):
            check_start(asked, OPTIONS, SIDECAR)
        check_start(asked, replace(OPTIONS, trust_pretrained=True), SIDECAR)
    SIDECAR.write(folder)
    for name in (folder, weights):
        asked = flags(tmp_path / "new", pretrained_model_name_or_path=str(name))
        check_start(asked, OPTIONS, SIDECAR)
    published = "robotics-diffusion-transformer/rdt-1b"
    check_start(flags(tmp_path, pretrained_model_name_or_path=published), OPTIONS, SIDECAR)


def test_latest_is_the_newest_whole_one(tmp_path: Path) -> None:
    asked = flags(tmp_path, resume_from_checkpoint="latest")
    check_start(asked, OPTIONS, SIDECAR)
    assert asked.resume_from_checkpoint is None, "a new run"
    checkpoint(tmp_path, 12, None)
    asked = flags(tmp_path, resume_from_checkpoint="latest")
    with pytest.raises(ForkctlError, match="checkpoint-12"):
        check_start(asked, OPTIONS, SIDECAR)
    checkpoint(tmp_path, 4)
    checkpoint(tmp_path, 10)
    check_start(asked, OPTIONS, SIDECAR)
    assert asked.resume_from_checkpoint == "checkpoint-10", "12 was cut short; 4 is older than 10"


def test_old_checkpoints_go_and_foreign_ones_stay(tmp_path: Path) -> None:
    checkpoint(tmp_path, 1, None)
    for step in (2, 10):
        checkpoint(tmp_path, step)
    newest = checkpoint(tmp_path, 12, None)
    checkpoint_saved(str(newest), SIDECAR, None)
    assert Sidecar.read(newest) == SIDECAR
    assert len(list(tmp_path.iterdir())) == 4
    checkpoint_saved(str(newest), SIDECAR, 2)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["checkpoint-1", "checkpoint-10", "checkpoint-12"]
