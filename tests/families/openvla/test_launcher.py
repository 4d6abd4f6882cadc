from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forkctl.checks import CheckStatus
from forkctl.configs import read_config, with_settings
from forkctl.environments.binding import Place
from forkctl.environments.environment import Environment
from forkctl.errors import UsageError
from forkctl.families.openvla.family import FAMILY
from forkctl.families.openvla.launcher import OPTIONS, RESUMING, OpenVLALauncher
from forkctl.family import RunInputs
from forkctl.forks.manifest import load
from forkctl.training.generating import GenerateRequest, as_written, generate
from tests import ROOT

SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10", "libero_90")
LAUNCHER = OpenVLALauncher()
FORK = load(ROOT / "forks.toml").fork("openvla")


def made(suite: str = "libero_spatial", **choices: str) -> dict[str, Any]:
    return generate(FORK, FAMILY, GenerateRequest(suite, choices=choices), print)


def rendered(config: dict[str, Any], folder: Path, steps: int | None = None) -> dict[str, Any]:
    files = (Path("/data/a.hdf5"), Path("/data/b.hdf5"))
    return LAUNCHER.rendered(config, RunInputs("name", folder, files, steps))


@pytest.mark.parametrize("suite", SUITES)
def test_the_shipped_config_is_what_the_command_writes(suite: str) -> None:
    shipped = (ROOT / "configs" / f"openvla_{suite}.yaml").read_text()
    assert shipped == as_written(FAMILY, made(suite))


def test_the_presets_are_those_that_were_published() -> None:
    guide, paper = made(preset="guide"), made(preset="paper")
    assert guide == made(), "guide is the default"
    assert guide["flags"].items() >= {"lora_rank": 32, "lora_dropout": 0.1}.items()
    assert guide["flags"]["learning_rate"] == 2e-5
    assert guide["forkctl"]["training"]["lora_targets"] == "attention"
    assert guide["forkctl"]["training"]["lora_alpha"] == 32
    assert paper["flags"]["learning_rate"] == 5e-4
    assert paper["flags"]["batch_size"] * paper["flags"]["grad_accumulation_steps"] == 128
    assert paper["forkctl"]["training"]["lora_targets"] == "all-linear"
    steps = [made(suite, preset="paper")["flags"]["max_steps"] for suite in SUITES[:4]]
    assert steps == [50_000, 50_000, 60_000, 80_000]
    with pytest.raises(UsageError, match="no preset 'gudie'"):
        made(preset="gudie")


@pytest.mark.parametrize("memory", ["24", "40", "80"])
def test_the_shipped_configs_for_a_gpu_are_what_the_command_writes(memory: str) -> None:
    shipped = (ROOT / "configs" / f"openvla_libero_spatial_{memory}gb.yaml").read_text()
    assert shipped == as_written(FAMILY, made(memory=memory))


@pytest.mark.parametrize("preset", ["guide", "paper"])
def test_a_gpu_of_less_memory_makes_the_same_step_of_fewer_samples_at_a_time(preset: str) -> None:
    def sizes(**choices: str) -> tuple[int, int, bool]:
        config = made(preset=preset, **choices)
        size, times = (config["flags"][key] for key in ("batch_size", "grad_accumulation_steps"))
        return size, size * times, config["forkctl"]["training"]["gradient_checkpointing"]

    _, samples, _ = sizes()
    assert sizes(memory="24") == (2, samples, True)
    assert sizes(memory="40") == (4, samples, False)
    assert sizes(memory="80") == (16, samples, False)


def test_the_papers_preset_is_the_papers_data_too(synthetic: Callable[..., Path]) -> None:
    config = made(preset="paper")
    assert config["forkctl"]["dataset"]["drop_noops"] is True, "as the authors' regenerated set"
    assert config["forkctl"]["dataset"]["holdout"] == 0, "all demos"
    for side, verdict in ((128, CheckStatus.WARNING), (256, CheckStatus.OK)):
        (file,) = synthetic(tasks=1, demos=1, image_size=side).glob("*.hdf5")
        said = LAUNCHER.checks(config, (file,), None)
        assert [each.status for each in said if each.text.startswith(f"{side} px")] == [verdict]


def test_the_guides_five_epochs_follow_the_data() -> None:
    published = made("libero_spatial_no_noops")["flags"]["max_steps"]
    assert published == -(-5 * 52_970 // 16)
    assert made("libero_10")["flags"]["max_steps"] > 1.5 * made("libero_goal")["flags"]["max_steps"]


def test_flags_after_the_dashes_are_judged_with_the_config() -> None:
    adopted = LAUNCHER.adopt(made(), ["--batch_size", "2", "--run_id_note=a b"])
    assert adopted.config["flags"]["batch_size"] == 2
    assert adopted.config["flags"]["run_id_note"] == "a b"
    assert adopted.words == ()
    for words in (["batch_size", "2"], ["--batch_size"], ["--", "x"]):
        with pytest.raises(UsageError, match="not a flag with a value"):
            LAUNCHER.adopt(made(), words)


@pytest.mark.parametrize("key", ["dataset_name", "run_id_note"])
def test_no_flag_leads_out_of_the_runs_folder(key: str) -> None:
    """Upstream makes a folder's name of both."""
    config = made()
    config["flags"][key] = "../../elsewhere"
    said = [found.text for found in LAUNCHER.checks(config, [], None)]
    assert any(f"flags.{key} becomes part of a folder's name" in text for text in said)


def test_a_key_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(UsageError, match="no place for batch_size"):
        LAUNCHER.adopt({**made(), "batch_size": 2}, ())
    with pytest.raises(UsageError, match=r"`forkctl.dataset` does not consist"):
        LAUNCHER.data_of({**made(), "forkctl": {"dataset": "libero"}})


def test_a_run_is_told_its_files_its_folder_and_its_steps(tmp_path: Path) -> None:
    config = LAUNCHER.with_checkpoint(made(), "base")
    full = rendered(config, tmp_path)
    assert full["forkctl"]["dataset"]["data"] == ["/data/a.hdf5", "/data/b.hdf5"]
    assert full["flags"]["run_root_dir"] == str(tmp_path / "upstream")
    assert full["flags"]["vla_path"] == str(Path("base").absolute())
    assert full["flags"]["max_steps"] == config["flags"]["max_steps"]
    short = rendered(config, tmp_path, steps=7)["flags"]
    assert (short["max_steps"], short["save_steps"]) == (7, 7)
    hub = rendered(LAUNCHER.with_checkpoint(made(), "openvla/openvla-7b"), tmp_path)
    assert hub["flags"]["vla_path"] == "openvla/openvla-7b", "a name on the hub is no path"
    assert LAUNCHER.checkpoint_of(hub) is None


def test_epochs_take_the_place_of_steps_but_for_those_of_the_command(tmp_path: Path) -> None:
    config = made()
    config["forkctl"]["training"]["epochs"] = 3
    assert LAUNCHER.steps_of(config) is None, "the run counts them"
    assert rendered(config, tmp_path)["forkctl"]["training"]["epochs"] == 3
    short = rendered(config, tmp_path, steps=7)
    assert short["forkctl"]["training"]["epochs"] is None
    assert LAUNCHER.steps_of(short) == 7


@pytest.mark.parametrize(
    ("setting", "verdict", "said"),
    [
        ("forkctl.training.epochs=3", CheckStatus.OK, "3 epochs are trained"),
        ("forkctl.training.warmup_steps=19159", CheckStatus.WARNING, "rises to the end"),
        ("forkctl.dataset.holdout=0", CheckStatus.FAILED, "none is held out"),
        ("flags.use_quantization=true", CheckStatus.WARNING, "each checkpoint holds the adapter"),
        ("forkctl.training.precision=fp32", CheckStatus.FAILED, "bfloat16 with use_quantization"),
    ],
)
def test_a_course_that_cannot_be_is_found_before_the_run(
    setting: str, verdict: CheckStatus, said: str
) -> None:
    more = ["flags.use_quantization=true"] if "precision" in setting else []
    config = with_settings(made(), ["forkctl.training.eval_steps=100", setting, *more])
    found = LAUNCHER.checks(config, (), None)
    assert [each.status for each in found if said in each.text] == [verdict]


def test_what_the_overlay_stops_with_is_the_reason() -> None:
    assert LAUNCHER.failure(["step 1", "forkctl: stopped: the loss is nan", "W0 torch"]) == (
        "stopped: the loss is nan"
    )
    assert LAUNCHER.failure(["Traceback", "ValueError: x"]) is None


def test_a_file_of_statistics_is_found_from_the_runs_folder(tmp_path: Path) -> None:
    config = made()
    config["forkctl"]["dataset"]["statistics"] = "stats.json"
    told = rendered(config, tmp_path)["forkctl"]["dataset"]["statistics"]
    assert told == str(Path("stats.json").absolute())
    config["forkctl"]["dataset"]["statistics"] = "published"
    assert rendered(config, tmp_path)["forkctl"]["dataset"]["statistics"] == "published"


def test_options_are_one_file_for_a_start_and_one_for_going_on(tmp_path: Path) -> None:
    config = rendered(LAUNCHER.with_checkpoint(made(), "base"), tmp_path)
    LAUNCHER.prepare(config, tmp_path, Place(tmp_path, Environment(tmp_path, tmp_path)))
    start, again = (json.loads((tmp_path / name).read_text()) for name in (OPTIONS, RESUMING))
    assert start == config["forkctl"]
    assert again["training"].pop("resume") == "auto"
    assert again == start
    for resume, name in ((False, OPTIONS), (True, RESUMING)):
        words = LAUNCHER.arguments(config, tmp_path / "config.json", resume)
        assert words[:2] == ["--forkctl", str(tmp_path / name)]
        assert words[words.index("--batch_size") + 1] == "4"
        assert len(words) == 2 + 2 * len(config["flags"])


def test_more_than_one_process_is_started_by_torchrun(tmp_path: Path) -> None:
    assert LAUNCHER.wrapper(made()) == []
    words = LAUNCHER.wrapper({**made(), "processes": 2})
    assert words[:2] == ["-m", "torch.distributed.run"]
    assert words[-2:] == ["--nproc-per-node", "2"]
    with pytest.raises(UsageError, match="positive integer"):
        LAUNCHER.wrapper({**made(), "processes": 0})


def checkpoint(folder: Path, **config: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "openvla", **config}))
    for name in ("preprocessor_config.json", "tokenizer_config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    return folder


def found(config: dict[str, Any], subject: str) -> list[tuple[CheckStatus, str]]:
    return [
        (each.status, each.text)
        for each in LAUNCHER.checks(config, (), None)
        if each.subject == subject
    ]


def test_a_checkpoint_that_is_none_is_found_before_the_run(tmp_path: Path) -> None:
    whole = LAUNCHER.with_checkpoint(made(), str(checkpoint(tmp_path / "whole")))
    assert [verdict for verdict, _ in found(whole, "checkpoint")] == [CheckStatus.OK]

    def refused(folder: Path) -> str:
        ((verdict, text),) = found(LAUNCHER.with_checkpoint(made(), str(folder)), "checkpoint")
        assert verdict is CheckStatus.FAILED
        return text

    assert "no such folder" in refused(tmp_path / "gone")
    other = checkpoint(tmp_path / "other", model_type="llama")
    assert "of the type 'llama'" in refused(other)
    torn = checkpoint(tmp_path / "torn")
    (torn / "model.safetensors").unlink()
    assert refused(torn).endswith("lacks its weights")
    own = LAUNCHER.with_checkpoint(
        made(), str(checkpoint(tmp_path / "own", auto_map={"AutoConfig": "x"}))
    )
    assert (CheckStatus.WARNING, True) in [
        (verdict, "auto_map" in text) for verdict, text in found(own, "checkpoint")
    ]
    hub = LAUNCHER.with_checkpoint(made(), "openvla/openvla-7b")
    assert [verdict for verdict, _ in found(hub, "checkpoint")] == [CheckStatus.WARNING]


def test_statistics_that_are_not_there_are_found_before_the_run(tmp_path: Path) -> None:
    def judged(statistics: str, **flags: Any) -> tuple[CheckStatus, str]:
        config = made()
        config["forkctl"]["dataset"]["statistics"] = statistics
        config["flags"].update(flags)
        (one,) = found(config, "statistics")
        return one

    assert judged("computed")[0] is CheckStatus.OK
    assert judged("computed", dataset_name="")[0] is CheckStatus.FAILED
    assert judged("published", dataset_name="libero_spatial_no_noops")[0] is CheckStatus.OK
    assert judged("published", dataset_name="libero_90")[0] is CheckStatus.FAILED
    path = tmp_path / "dataset_statistics.json"
    assert judged(str(path))[0] is CheckStatus.FAILED
    path.write_text(json.dumps({"libero_goal": {}}))
    verdict, text = judged(str(path))
    assert verdict is CheckStatus.FAILED and "libero_goal" in text
    assert judged(str(path), dataset_name="libero_goal")[0] is CheckStatus.OK


def test_only_whole_checkpoints_of_a_run_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("step-000010", "step-000002", "step-000020"):
        (tmp_path / "upstream" / "run" / name).mkdir(parents=True)
    for name in ("step-000010", "step-000002"):
        (tmp_path / "upstream" / "run" / name / "forkctl.json").write_text("{}")
    names = [path.name for path in LAUNCHER.checkpoints(tmp_path)]
    assert names == ["step-000002", "step-000010"]


def test_the_guess_of_disk_space_knows_what_is_merged(tmp_path: Path) -> None:
    def guess(merge: str, **flags: Any) -> float:
        config = made()
        config["forkctl"]["training"]["merge"] = merge
        config["flags"].update({"max_steps": 10_000, "save_steps": 1000, "vla_path": "x", **flags})
        return LAUNCHER.bytes_written(config) / 1e9

    assert 3 < guess("never") < 6
    assert guess("end") == pytest.approx(guess("never") + 15.1)
    assert guess("every") == pytest.approx(guess("never") + 151)
    assert guess("every", save_latest_checkpoint_only=True) < 20


def test_a_yaml_config_is_read_like_any_other() -> None:
    config = read_config(ROOT / "configs" / "openvla_libero_goal.yaml")
    assert LAUNCHER.name_of(config) == "libero_goal_guide"
    assert LAUNCHER.data_of(config) == ("${LIBERO_DATA}/libero_goal",)
    assert isinstance(config["flags"]["learning_rate"], float), "2e-5 is a text to YAML"
