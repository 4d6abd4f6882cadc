from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from forkctl.checkpoints.contents import open_checkpoint
from forkctl.checks import CheckStatus
from forkctl.configs import read_config
from forkctl.environments.binding import Place
from forkctl.environments.environment import Environment
from forkctl.errors import ForkctlError, UsageError
from forkctl.families.rdt import folder, statistics
from forkctl.families.rdt.family import FAMILY
from forkctl.families.rdt.launcher import RdtLauncher
from forkctl.families.rdt.units import CONVENTIONS
from forkctl.family import ConfigRequest, RunInputs
from forkctl.libero.files.reader import open_demo_file
from forkctl.training.batches import check_batch, with_processes
from forkctl.training.data import default_facts
from forkctl.training.generating import suite_name
from tests import ROOT
from tests.checkpoints.torch_files import Call, Tensor, write_torch

TASK = "pick_up_the_black_bowl_between_the_plate_and_the_ramekin_and_place_it_on_the_plate"


@pytest.fixture
def launcher() -> RdtLauncher:
    return RdtLauncher()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of upstream's that a run's folder takes from."""
    configs = tmp_path / "tree" / "configs"
    configs.mkdir(parents=True)
    (tmp_path / "tree" / "data").mkdir()
    (tmp_path / "tree" / "data" / "empty_lang_embed.pt").write_bytes(b"embedding")
    base = {"common": {"img_history_size": 2}, "model": {"rdt": {"depth": 28, "num_heads": 32}}}
    (configs / "base.yaml").write_text(yaml.safe_dump(base))
    theirs = {
        "dataset_control_freq.json": {"agilex": 25},
        "dataset_stat.json": {"agilex": {"state_mean": [0.5]}},
        "finetune_datasets.json": ["agilex"],
        "finetune_sample_weights.json": {"agilex": 100},
        "pretrain_datasets.json": ["kuka"],
    }
    for name, content in theirs.items():
        (configs / name).write_text(json.dumps(content))
    return tmp_path / "tree"


@pytest.fixture
def place(tree: Path) -> Place:
    return Place(tree, Environment(Path("/nowhere"), Path("/nowhere/bin/python")))


def config_for(suite: Path, tmp_path: Path, **options: Any) -> dict[str, Any]:
    embeddings = tmp_path / "embeddings"
    embeddings.mkdir(exist_ok=True)
    for file in suite.glob("*.hdf5"):
        write_torch(embeddings / f"{file.stem.removesuffix('_demo')}.pt", {"T5": Tensor(1)})
    return {
        "flags": {
            "pretrained_vision_encoder_name_or_path": "google/siglip-so400m-patch14-384",
            "load_from_hdf5": True,
            "dataset_type": "finetune",
            "precomp_lang_embed": True,
            "checkpointing_period": 500,
        },
        "upstream": {"model": {"rdt": {"depth": 2}}},
        "forkctl": {"dataset": "libero_spatial", "files": [str(suite)], **options},
        "language": {"precomputed": str(embeddings)},
    }


def rendered(launcher: RdtLauncher, config: dict[str, Any], suite: Path, run: Path) -> Any:
    files = tuple(sorted(suite.glob("*.hdf5")))
    return launcher.rendered(config, RunInputs("a", run, files, 20))


@pytest.mark.parametrize("suite", ["libero_spatial", "libero_object", "libero_90"])
@pytest.mark.parametrize("representation", ["delta", "velocity", "absolute"])
def test_a_generated_config_says_what_was_asked_for(
    launcher: RdtLauncher, suite: str, representation: str
) -> None:
    choices = {"representation": representation}
    request = ConfigRequest(suite, "${LIBERO_DATA}/" + suite, default_facts(), choices=choices)
    config = FAMILY.generate("rdt", request)
    assert launcher.data_of(config) == ("${LIBERO_DATA}/" + suite,)
    assert config["forkctl"]["representation"] == representation
    assert launcher.adopt(config, ()).checks == ()


@pytest.mark.parametrize("suite", ["spatial", "object", "goal", "10", "90"])
def test_shipped_configs_are_what_forkctl_config_writes(launcher: RdtLauncher, suite: str) -> None:
    path = ROOT / "configs" / f"rdt_libero_{suite}.yaml"
    name = suite_name(f"libero_{suite}")
    made = FAMILY.generate("rdt", ConfigRequest(name, "${LIBERO_DATA}/" + name, default_facts()))
    assert read_config(path) == made
    assert path.read_text().startswith(FAMILY.header)


def test_the_run_has_configs_of_its_own_beside_upstreams_entries(
    launcher: RdtLauncher, place: Place, suite: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    before = {path: path.read_bytes() for path in place.tree.rglob("*") if path.is_file()}
    config = rendered(launcher, config_for(suite, tmp_path), suite, run)
    launcher.prepare(config, run, place)

    frequencies = json.loads((run / "configs" / "dataset_control_freq.json").read_text())
    assert frequencies == {"agilex": 25, "libero_spatial": 20}
    datasets = json.loads((run / "configs" / "finetune_datasets.json").read_text())
    assert datasets == ["agilex", "libero_spatial"]
    assert json.loads((run / "configs" / "pretrain_datasets.json").read_text()) == ["kuka"]
    weights = json.loads((run / "configs" / "finetune_sample_weights.json").read_text())
    assert set(weights) == {"agilex", "libero_spatial"}
    written = yaml.safe_load((run / "rdt.yaml").read_text())
    assert written["model"]["rdt"] == {"depth": 2, "num_heads": 32}
    assert yaml.safe_load((run / "configs" / "base.yaml").read_text()) == written
    assert (run / "data" / "empty_lang_embed.pt").read_bytes() == b"embedding"
    assert open_checkpoint(run / "language" / f"{TASK}.pt").nets
    assert json.loads((run / "language" / "sentences.json").read_text())[TASK].endswith("plate.")
    # nothing of upstream's was touched
    assert before == {path: path.read_bytes() for path in place.tree.rglob("*") if path.is_file()}


def test_statistics_are_those_of_the_demos_that_are_trained_on(
    launcher: RdtLauncher, place: Place, suite: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    config = rendered(launcher, config_for(suite, tmp_path, holdout=1), suite, run)
    launcher.prepare(config, run, place)
    stat = json.loads((run / "configs" / "dataset_stat.json").read_text())
    assert stat["agilex"] == {"state_mean": [0.5]}
    rows = []
    for path in sorted(suite.glob("*.hdf5")):
        file = open_demo_file(path)
        for name in file.demo_names[:-1]:
            rows.append(file[name].actions()[file[name].pairing().actions])
    expected = CONVENTIONS["delta"].encode(np.concatenate(rows), None)
    entry = stat["libero_spatial"]
    assert len(entry["state_mean"]) == len(entry["action_mean"]) == 128
    np.testing.assert_allclose(entry["action_mean"][30:33], expected[:, :3].mean(0), atol=1e-12)
    np.testing.assert_allclose(entry["action_std"][30:33], expected[:, :3].std(0), atol=1e-12)


def test_published_actions_stand_beside_measured_states(suite: Path, tmp_path: Path) -> None:
    files = [str(path) for path in sorted(suite.glob("*.hdf5"))]
    options = {"dataset": "libero_spatial", "files": files, "representation": "delta"}
    entry = statistics.entry({"forkctl": options, "statistics": "published"})
    measured = statistics.entry({"forkctl": options})
    assert entry["state_mean"] == measured["state_mean"]
    assert entry["action_mean"][30] == pytest.approx(0.153125 * 0.05)
    assert entry["action_std"][31] == pytest.approx(0.347243 * 0.05)
    assert entry["action_mean"][10] == pytest.approx(0.457882)
    assert entry["action_mean"][33] == 1  # the first column of a small rotation

    absolute = {**options, "representation": "absolute"}
    with pytest.raises(ForkctlError, match="says nothing of absolute poses"):
        statistics.entry({"forkctl": absolute, "statistics": "published"})


def test_statistics_from_a_file_must_be_of_this_data_set(suite: Path, tmp_path: Path) -> None:
    options = {"dataset": "mine", "files": [], "representation": "delta"}
    own = tmp_path / "dataset_stat.json"
    own.write_text(json.dumps({"mine": {"state_mean": [1.0] * 128}}))
    assert statistics.entry({"forkctl": options, "statistics": str(own)})["state_mean"][0] == 1
    own.write_text(json.dumps({"other": {"state_mean": []}}))
    with pytest.raises(ForkctlError, match="no statistics of mine") as refused:
        statistics.entry({"forkctl": options, "statistics": str(own)})
    assert "other" in str(refused.value.hint)


def test_the_command_names_the_runs_own_folder_and_resumes_the_latest(
    launcher: RdtLauncher, suite: Path, tmp_path: Path
) -> None:
    config = rendered(launcher, config_for(suite, tmp_path), suite, tmp_path)
    words = launcher.arguments(config, tmp_path / "config.json", resume=False)
    pairs = dict(itertools.pairwise(words))
    assert pairs["--config_path"] == str(tmp_path / "rdt.yaml")
    assert pairs["--output_dir"] == str(tmp_path / "upstream")
    assert pairs["--max_train_steps"] == pairs["--checkpointing_period"] == "20"
    assert "--load_from_hdf5" in words and "--resume_from_checkpoint" not in words
    again = launcher.arguments(config, tmp_path / "config.json", resume=True)
    assert again == [*words, "--resume_from_checkpoint", "latest"]


def test_more_processes_make_the_same_update(launcher: RdtLauncher) -> None:
    """32 on one GPU are 4 on each of eight; what stands after -- is taken as it is."""
    request = ConfigRequest("libero_goal", "${LIBERO_DATA}/libero_goal", default_facts())
    config = FAMILY.generate("rdt", request)
    told = with_processes(launcher, config, 8)
    flags = told["flags"]
    assert (flags["train_batch_size"], flags["gradient_accumulation_steps"]) == (4, 1)
    adopted = launcher.adopt(told, ["--train_batch_size", "32"]).config
    (found,) = check_batch(launcher, config, adopted)
    assert found.status is CheckStatus.WARNING
    assert found.text.startswith("256 samples a step") and "the config has 32" in found.text


def test_epochs_are_counted_in_steps(launcher: RdtLauncher, suite: Path, tmp_path: Path) -> None:
    """So that a run of epochs has an end in sight, too; --steps goes before them."""
    config = config_for(suite, tmp_path, holdout=1)
    more = {"num_train_epochs": 3, "train_batch_size": 4, "gradient_accumulation_steps": 2}
    config["flags"] = {**config["flags"], **more}
    config["processes"] = 2
    files = tuple(sorted(suite.glob("*.hdf5")))
    ready = launcher.rendered(config, RunInputs("a", tmp_path, files, None))
    steps = 0
    for path in files:
        file = open_demo_file(path)
        steps += sum(len(file[name].pairing()) for name in file.demo_names[:-1])
    assert steps % 16, "the last update of an epoch is filled up"
    assert launcher.steps_of(ready) == 3 * math.ceil(steps / 16)
    words = launcher.arguments(ready, tmp_path / "config.json", resume=False)
    assert "--num_train_epochs" not in words
    limited = launcher.rendered(config, RunInputs("a", tmp_path, files, 20))
    assert launcher.steps_of(limited) == 20
    assert "--num_train_epochs" not in launcher.arguments(limited, tmp_path / "c", resume=False)


def test_several_processes_or_deepspeed_are_started_by_torchs_launcher(
    launcher: RdtLauncher,
) -> None:
    assert launcher.wrapper({"flags": {}}) == []
    assert launcher.wrapper({"processes": 2})[:2] == ["-m", "torch.distributed.run"]
    assert launcher.wrapper({"processes": 2})[-1] == "2"
    assert launcher.wrapper({"flags": {"deepspeed": "configs/zero2.json"}})[-1] == "1"
    with pytest.raises(UsageError, match="positive integer"):
        launcher.wrapper({"processes": "all"})


def test_absolute_targets_are_relative_to_the_robots_base(
    launcher: RdtLauncher, suite: Path, tmp_path: Path
) -> None:
    config = config_for(suite, tmp_path, representation="absolute")
    base = rendered(launcher, config, suite, tmp_path)["forkctl"]["robot_base"]
    assert len(base) == 3 and base != [0, 0, 0]
    config["forkctl"]["robot_base"] = [1.0, 2.0, 3.0]
    again = rendered(launcher, config, suite, tmp_path)
    assert again["forkctl"]["robot_base"] == [1.0, 2.0, 3.0]
    delta = rendered(launcher, config_for(suite, tmp_path), suite, tmp_path)
    assert "robot_base" not in delta["forkctl"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"forkctl": {"dataset": "agilex"}}, "upstream has a data set agilex of its own"),
        ({"forkctl": {"dataset": "a b"}}, "'a b' is not a valid name"),
        ({"flags": {"load_from_hdf5": False}}, "without --load_from_hdf5"),
        ({"flags": {"dataset_type": "pretrain"}}, "without --dataset_type finetune"),
        ({"flags": {"gradient_checkpointing": True}}, "no gradient checkpointing"),
        ({"flags": {"pretrained_vision_encoder_name_or_path": None}}, "vision_encoder"),
        ({"flags": {"pretrained_vision_encoder_name_or_path": "/no/such"}}, "no such folder"),
        ({"flags": {"pretrained_model_name_or_path": "/no/such"}}, "no such file or folder"),
        ({"language": {"precomputed": "/no/such"}}, "no language embedding for 2 tasks"),
        ({"flags": {"precomp_lang_embed": False}}, "needs --precomp_lang_embed"),
        ({"statistics": "/no/such.json"}, "no statistics here"),
    ],
)
def test_what_cannot_work_is_said_before_the_run(
    launcher: RdtLauncher,
    place: Place,
    suite: Path,
    tmp_path: Path,
    change: dict[str, Any],
    told: str,
) -> None:
    config = config_for(suite, tmp_path)
    assert launcher.checks(config, sorted(suite.glob("*.hdf5")), place) == []
    for section, values in change.items():
        config[section] = {**config[section], **values} if isinstance(values, dict) else values
    (found,) = launcher.checks(config, sorted(suite.glob("*.hdf5")), place)
    assert found.status is CheckStatus.FAILED
    assert told in found.text


def test_an_unknown_section_is_refused(launcher: RdtLauncher) -> None:
    with pytest.raises(UsageError, match="no place for train_batch_size"):
        launcher.adopt({"train_batch_size": 4, "forkctl": {}}, ())


def test_encoders_and_embeddings_that_would_run_code_are_refused(
    launcher: RdtLauncher, place: Place, suite: Path, tmp_path: Path
) -> None:
    files = sorted(suite.glob("*.hdf5"))
    config = config_for(suite, tmp_path)
    write_torch(tmp_path / "embeddings" / f"{TASK}.pt", Call("os.system", "true"))
    (found,) = launcher.checks(config, files, place)
    assert found.subject == "language" and "asks to run os.system" in found.text
    config = config_for(suite, tmp_path)
    (tmp_path / "siglip").mkdir()
    write_torch(tmp_path / "siglip" / "pytorch_model.bin", Call("os.system", "true"))
    config["flags"]["pretrained_vision_encoder_name_or_path"] = str(tmp_path / "siglip")
    (found,) = launcher.checks(config, files, place)
    assert found.subject == "encoder" and "asks to run os.system" in found.text


def test_only_whole_checkpoints_count_in_the_order_of_their_steps(
    launcher: RdtLauncher, tmp_path: Path
) -> None:
    for name in ("checkpoint-500", "checkpoint-1000", "checkpoint-90"):
        (tmp_path / "upstream" / name).mkdir(parents=True)
        (tmp_path / "upstream" / name / "forkctl.json").touch()
    (tmp_path / "upstream" / "checkpoint-1500" / "ema").mkdir(parents=True)  # killed while saving
    names = [path.name for path in launcher.checkpoints(tmp_path)]
    assert names == ["checkpoint-90", "checkpoint-500", "checkpoint-1000"]


def test_a_guess_of_the_disk_space_counts_what_is_kept(launcher: RdtLauncher) -> None:
    flags = {"max_train_steps": 10_000, "checkpointing_period": 1000}
    all_of_them = launcher.bytes_written({"flags": flags})
    two = launcher.bytes_written({"flags": {**flags, "checkpoints_total_limit": 2}})
    assert all_of_them > 3 * two > 0


def test_merging_goes_level_by_level(launcher: RdtLauncher) -> None:
    from forkctl.families.rdt.config import merged

    base = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merged(base, {"a": {"b": 9}, "e": {}}) == {"a": {"b": 9, "c": 2}, "d": 3, "e": {}}
    assert base == {"a": {"b": 1, "c": 2}, "d": 3}


def test_paths_stay_and_names_of_the_hub_are_left_alone(suite: Path, tmp_path: Path) -> None:
    config = config_for(suite, tmp_path)
    config["flags"]["pretrained_model_name_or_path"] = "~/rdt"
    flags = folder.own_flags(config)
    assert flags["pretrained_model_name_or_path"] == str(Path("~/rdt").expanduser())
    vision = flags["pretrained_vision_encoder_name_or_path"]
    assert vision == "google/siglip-so400m-patch14-384"


def test_it_is_said_how_many_tasks_are_still_to_be_embedded(
    launcher: RdtLauncher,
    place: Place,
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from forkctl.families.rdt import language

    monkeypatch.setenv("FORKCTL_CACHE", str(tmp_path / "cache"))
    config = config_for(suite, tmp_path)
    del config["language"]
    encoder = "google/t5-v1_1-xxl"
    config["flags"]["pretrained_text_encoder_name_or_path"] = encoder
    files = sorted(suite.glob("*.hdf5"))
    (found,) = launcher.checks(config, files, place)
    assert found.status is CheckStatus.OK and "T5 embeds 2 tasks" in found.text
    for path in language.kept(config, language.sentences_of(files)).values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"T5")
    assert launcher.checks(config, files, place) == []
    other = {
        **config,
        "flags": {**config["flags"], "pretrained_text_encoder_name_or_path": "my/t5"},
    }
    assert launcher.checks(other, files, place) != []  # another encoder, other numbers
