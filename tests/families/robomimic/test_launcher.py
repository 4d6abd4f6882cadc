from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forkctl.checks import any_failed
from forkctl.configs import get, read_config, with_settings
from forkctl.errors import ForkctlError, UsageError
from forkctl.families.robomimic.config import camera_map
from forkctl.families.robomimic.family import FAMILY
from forkctl.families.robomimic.launcher import EpochReader, RobomimicLauncher
from forkctl.family import Camera, ConfigRequest, DataFacts, RunInputs
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.synth import SynthOptions, write_suite
from forkctl.training.data import default_facts
from tests import ROOT

KINDS = ("robomimic", "droid", "robomimic-release")
FACTS = DataFacts(
    cameras=(Camera("agentview_rgb", 128, 128), Camera("eye_in_hand_rgb", 128, 128)),
    low_dim=(("ee_pos", 3), ("ee_ori", 3), ("gripper_states", 2), ("joint_states", 7)),
    action_dim=7,
)


def launcher(kind: str) -> RobomimicLauncher:
    return FAMILY.launcher(Entrypoint("train.py", kind, (), ()))


def request(**changes: Any) -> ConfigRequest:
    return ConfigRequest("libero_goal", "/data", **{"facts": FACTS, **changes})


def crop(config: dict[str, Any]) -> tuple[int, int]:
    kwargs = get(config, "observation.encoder.rgb.obs_randomizer_kwargs")
    last = kwargs[-1] if isinstance(kwargs, list) else kwargs
    return last["crop_height"], last["crop_width"]


@pytest.mark.parametrize("kind", KINDS)
def test_from_scratch_keeps_the_frames_and_crops_them(kind: str) -> None:
    config = FAMILY.generate(kind, request())
    assert get(config, "observation.image_dim") is None
    assert crop(config) == (116, 116)
    assert get(config, "train.hdf5_load_next_obs") is False, "LIBERO has no next_obs"
    assert get(config, "experiment.ckpt_path") is None


@pytest.mark.parametrize("kind", KINDS)
def test_data_comes_in_the_form_that_each_revision_reads(kind: str) -> None:
    speaks = launcher(kind)
    config = FAMILY.generate(kind, request())
    expected = "/data" if kind == "robomimic-release" else [{"path": "/data"}]
    assert get(config, "train.data") == expected
    assert speaks.data_of(config) == ("/data",)


@pytest.mark.parametrize("key", ["backbone_class", "pool_class"])
def test_a_class_that_is_no_name_is_refused_before_anything_evaluates_it(key: str) -> None:
    config = FAMILY.generate("robomimic", request())
    launcher("robomimic").adopt(config, ())
    core = get(config, "observation.encoder.rgb.core_kwargs")
    core[key] = "__import__('os').system('true')"
    with pytest.raises(ForkctlError, match=f"{key} is not the name of a class"):
        launcher("robomimic").adopt(config, ())


def test_fine_tuning_follows_the_checkpoints_own_config() -> None:
    theirs = {
        "observation": {
            "modalities": {"obs": {"rgb": ["camera/hand_camera", "camera/side"]}},
            "image_dim": [],
            "encoder": {"rgb": {"core_kwargs": {"backbone_class": "ResNet34Conv"}}},
        },
        "algo": {"horizon": {"observation_horizon": 3}, "unet": {"down_dims": [64, 128]}},
    }
    shapes = {"all_shapes": {"camera/hand_camera": [3, 192, 224]}}
    config = FAMILY.generate(
        "robomimic",
        request(checkpoint="/a.pth", checkpoint_config=theirs, checkpoint_shapes=shapes),
    )
    assert get(config, "observation.image_dim") == [192, 224]
    assert crop(config) == (174, 203)
    assert get(config, "observation.encoder.rgb.core_kwargs.backbone_class") == "ResNet34Conv"
    assert get(config, "algo.horizon.observation_horizon") == 3
    assert get(config, "algo.unet.down_dims") == [64, 128]
    assert get(config, "experiment.ckpt_key_map") == {
        "camera/hand_camera": "eye_in_hand_rgb",
        "camera/side": "agentview_rgb",
    }
    assert get(config, "experiment.strict_weight_loading") is False


@pytest.mark.parametrize("kind", KINDS)
def test_fine_tuning_crops_as_the_checkpoint_did(kind: str) -> None:
    theirs = {"crop_height": 84, "crop_width": 80, "num_crops": 1}
    for kwargs in (theirs, [{}, theirs]):  # releases write one randomizer, later ones a list
        encoder = {"rgb": {"obs_randomizer_kwargs": kwargs}}
        told: dict[str, Any] = {"observation": {"image_dim": [96, 96], "encoder": encoder}}
        asked = request(checkpoint="/a.pth", checkpoint_config=told)
        assert crop(FAMILY.generate(kind, asked)) == (84, 80)
        del told["observation"]["image_dim"]  # of what, it does not say: the usual share of 256
        assert crop(FAMILY.generate(kind, asked)) == (232, 232)


def test_frames_that_are_right_already_are_not_resized() -> None:
    shapes = {"all_shapes": {"agentview_rgb": [3, 128, 128]}}
    theirs = {"observation": {"modalities": {"obs": {"rgb": ["agentview_rgb"]}}}}
    config = FAMILY.generate(
        "droid", request(checkpoint="/a.pth", checkpoint_config=theirs, checkpoint_shapes=shapes)
    )
    assert get(config, "observation.image_dim") is None
    assert get(config, "experiment.ckpt_key_map") == {
        "agentview_rgb": ["agentview_rgb", "eye_in_hand_rgb"]
    }


def test_cameras_are_matched_by_kind_then_by_order() -> None:
    ours = ["agentview_rgb", "eye_in_hand_rgb"]
    assert camera_map(["left", "right"], ours) == {
        "left": "agentview_rgb",
        "right": "eye_in_hand_rgb",
    }
    assert camera_map(["side", "hand"], ours) == {
        "side": "agentview_rgb",
        "hand": "eye_in_hand_rgb",
    }
    assert camera_map(["hand", "a", "b"], ours) == {
        "hand": "eye_in_hand_rgb",
        "a": "agentview_rgb",
    }


def test_no_camera_is_left_without_an_encoder() -> None:
    ours = ["agentview_rgb", "eye_in_hand_rgb"]
    assert camera_map(["left"], ours) == {"left": ours}
    assert camera_map(["agentview_rgb"], ours) == {"agentview_rgb": ours}
    assert camera_map(["hand"], ours) == {"hand": [ours[1], ours[0]]}
    assert camera_map([], ours) == {}


def test_a_longer_limit_than_the_config_keeps_its_epochs_whole(tmp_path: Path) -> None:
    speaks = launcher("robomimic")
    config = FAMILY.generate("robomimic", request())  # epochs of 500 steps
    limited = speaks.rendered(config, RunInputs("a", tmp_path, (tmp_path / "d.hdf5",), 1200))
    assert speaks.steps_of(limited) == 1500
    assert get(limited, "experiment.save.every_n_epochs") == 3, "what was trained is saved"
    short = speaks.rendered(config, RunInputs("a", tmp_path, (tmp_path / "d.hdf5",), 7))
    assert speaks.steps_of(short) == 7
    assert get(config, "experiment.epoch_every_n_steps") == 500


def test_one_file_only_where_upstream_takes_one() -> None:
    config = {"train": {}}
    with pytest.raises(UsageError, match="one data file"):
        launcher("robomimic-release").with_data(config, ["/a", "/b"])
    several = launcher("robomimic").with_data(config, ["/a", "/b"])
    assert launcher("robomimic").data_of(several) == ("/a", "/b")


def test_epochs_are_read_from_the_log_and_nothing_else() -> None:
    reader = EpochReader(10)
    log = 'x\n{"Loss": 9}\n}\nTrain Epoch 2\n{\n  "Loss": 0.5,\n  "Optimizer/policy0_lr": 0.1\n}\n'
    log += 'Validation Epoch 2\n{\n    "Loss": 0.7\n}\nTrain Epoch 3\n{\n broken\n}\n'
    found = [metric for line in log.splitlines() if (metric := reader.feed(line))]
    assert found == [
        {"epoch": 2, "step": 20, "loss": 0.5, "lr": 0.1},
        {"epoch": 2, "step": 20, "loss": 0.7, "split": "valid"},
    ]


def test_the_last_failure_that_is_printed_is_the_reason() -> None:
    speaks = launcher("robomimic")
    assert speaks.failure(["all is well"]) is None
    assert speaks.failure(["run failed with error:", "", "No key x", "", "Traceback"]) == "No key x"
    assert speaks.failure(["run failed with error:"]) is not None


def test_larger_networks_and_more_saves_need_more_room() -> None:
    speaks = launcher("robomimic")
    config = FAMILY.generate("robomimic", request())
    few = {**config, "train": {**config["train"], "num_epochs": 50}}
    # one save and upstream's two copies of the last: 2.27 GB each, as measured
    assert speaks.bytes_written(few) == pytest.approx(3 * 2.27e9, rel=0.05)
    assert speaks.bytes_written(config) > speaks.bytes_written(few)


@pytest.mark.parametrize("kind", ["robomimic", "droid"])
@pytest.mark.parametrize("finetune", [False, True])
def test_the_shipped_configs_are_what_forkctl_config_writes(kind: str, finetune: bool) -> None:
    from forkctl.libero.suites import SUITES

    root = ROOT / "configs"
    for suite in SUITES:
        made = FAMILY.generate(
            kind,
            ConfigRequest(
                suite,
                "${LIBERO_DATA}/" + suite,
                default_facts(),
                checkpoint="${DROID_CKPT}" if finetune else None,
            ),
        )
        name = f"{suite}_finetune.json" if finetune else f"{suite}.json"
        assert json.loads((root / kind / name).read_text()) == made, name
    first = root / "robomimic" / "libero_spatial_finetune.json"
    assert (root / "libero_spatial_finetune.json").read_text() == first.read_text()


@pytest.mark.parametrize(
    "setting",
    [
        "observation.image_dim=256",
        "observation.image_dim=[256]",
        "observation.image_dim=[256,0]",
        'train.num_epochs="3"',
        "train.num_epochs=true",
        "train.num_epochs=1.5",
        "experiment.epoch_every_n_steps=[]",
        "experiment.save=5",
        "experiment.ckpt_key_map=[]",
        "observation.modalities.obs.rgb=agentview_rgb",
        "observation.encoder.rgb.core_kwargs.backbone_class=50",
        "algo.unet.down_dims=64",
    ],
)
def test_values_of_another_kind_are_refused_before_anything_reads_them(setting: str) -> None:
    config = with_settings(FAMILY.generate("robomimic", request()), [setting])
    with pytest.raises(UsageError, match=setting.partition("=")[0]):
        launcher("robomimic").adopt(config, ())


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("train.num_epochs=0", "nothing would be trained"),
        ("train.batch_size=0", "nothing would be trained"),
        ("experiment.epoch_every_n_steps=-1", "nothing would be trained"),
        ("train.action_config.actions.normalization=minmax", "'minmax'"),
        ("train.action_config={}", "how to take actions"),
        ('train.action_keys=["action"]', "wants action, (there is actions"),
        ("train.hdf5_load_next_obs=true", "there is no next_obs"),
        ('observation.modalities.obs.low_dim=["ee_posi"]', "wants ee_posi, (there is ee_pos"),
        (
            'observation.modalities.obs.rgb=["agentview"]',
            "wants agentview, (there is agentview_rgb",
        ),
        ('observation.modalities.obs.low_dim=["object"]', "wants object, (`forkctl demos"),
    ],
)
def test_what_upstream_would_trip_over_later_is_told_before(
    setting: str, told: str, suite: Path
) -> None:
    config = with_settings(FAMILY.generate("robomimic", request()), [setting])
    files = sorted(suite.glob("*.hdf5"))
    found = launcher("robomimic").checks(config, files, None)
    said = " ".join(f"{each.text} ({each.hint})" for each in found)
    assert any_failed(found)
    for part in told.split(", "):
        assert part in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_config_passes(kind: str, suite: Path) -> None:
    config = FAMILY.generate(kind, request())
    launcher(kind).adopt(config, ())
    assert launcher(kind).checks(config, sorted(suite.glob("*.hdf5")), None) == []
    plain = with_settings(config, ["train.action_config.actions.normalization=null"])
    assert launcher(kind).checks(plain, sorted(suite.glob("*.hdf5")), None) == []


@pytest.mark.parametrize("name", ["libero_spatial_low_dim", "libero_spatial_low_dim_bc"])
def test_the_shipped_low_dim_configs_train_on_what_is_drawn_without_frames(
    name: str, tmp_path: Path, suite: Path
) -> None:
    config = read_config(ROOT / "configs/robomimic" / f"{name}.json")
    options = SynthOptions(demos=1, images=False)
    drawn = list(write_suite(tmp_path, "libero_spatial", options, 8))
    speaks = launcher("robomimic")
    assert Path(speaks.data_of(config)[0]).name in [path.name for path in drawn]
    assert not any_failed(speaks.checks(config, drawn, None))
    (lacking,) = speaks.checks(config, sorted(suite.glob("*.hdf5")), None)
    assert "wants object" in lacking.text
    assert "forkctl data synth --no-images" in (lacking.hint or "")
