"""Native configs of the three robomimic forks, small enough to train on a CPU in seconds."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CAMERAS = ("agentview_rgb", "eye_in_hand_rgb")
LOW_DIM = ("ee_pos", "ee_ori", "gripper_states")
DROID_CAMERAS = (
    "camera/image/varied_camera_1_left_image",
    "camera/image/varied_camera_2_left_image",
)
DROID_LOW_DIM = ("robot_state/cartesian_position", "robot_state/gripper_position")
KEY_MAP = dict(zip(DROID_CAMERAS, CAMERAS, strict=True))

SMALL = {"backbone": "ResNet18Conv", "feature": 16, "image": 64, "crop": 56}
REAL = {"backbone": "ResNet50Conv", "feature": 512, "image": 256, "crop": 232}
SMALL_UNET = {
    "enabled": True,
    "diffusion_step_embed_dim": 16,
    "down_dims": [16, 32],
    "kernel_size": 3,
    "n_groups": 4,
}


def config(
    fork: str,
    data: Sequence[Path],
    out: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    sizes: Mapping[str, Any] = SMALL,
    cameras: Sequence[str] = CAMERAS,
    low_dim: Sequence[str] = LOW_DIM,
    pristine: bool = False,
) -> dict[str, Any]:
    """`changes` maps dotted paths to values. A pristine tree does not know the series' own keys."""
    made = {
        "algo_name": "diffusion_policy",
        "experiment": {
            "name": "small",
            "validate": False,
            "logging": {"terminal_output_to_txt": False, "log_tb": False, "log_wandb": False},
            "save": {"enabled": False},
            "epoch_every_n_steps": 2,
            "rollout": {"enabled": False},
        },
        "train": {
            "data": [{"path": str(path)} for path in data],
            "output_dir": str(out),
            "hdf5_cache_mode": "low_dim",
            "hdf5_use_swmr": False,
            "hdf5_load_next_obs": False,
            "seq_length": 15,
            "frame_stack": 2,
            "dataset_keys": ["actions"],
            "action_keys": ["actions"],
            "action_config": {"actions": {"normalization": "min_max"}},
            "cuda": False,
            "batch_size": 4,
            "num_epochs": 1,
        },
        "algo": {"ddpm": {"enabled": False}, "ddim": {"enabled": True}},
        "observation": {
            "modalities": {"obs": {"low_dim": list(low_dim), "rgb": list(cameras)}},
            "encoder": {"rgb": _encoder(sizes)},
        },
    }
    if sizes is SMALL:
        _set(made, "algo.unet", dict(SMALL_UNET))
    if not pristine:
        _set(made, "observation.image_dim", [sizes["image"], sizes["image"]])
    if fork == "droid":
        _set(made, "train.data_format", "robomimic")
        _set(made, "train.action_shapes", [[1, 7]])
        _set(made, "observation.encoder.rgb.fuser", None)
    if fork == "robomimic-release":
        _make_release(made, data)
    for path, value in (changes or {}).items():
        _set(made, path, copy.deepcopy(value))
    return made


def _encoder(sizes: Mapping[str, Any]) -> dict[str, Any]:
    crop = {"crop_height": sizes["crop"], "crop_width": sizes["crop"], "num_crops": 1}
    return {
        "core_class": "VisualCore",
        "core_kwargs": {
            "feature_dimension": sizes["feature"],
            "backbone_class": sizes["backbone"],
            "backbone_kwargs": {"pretrained": False, "input_coord_conv": False},
            "pool_class": "SpatialSoftmax",
            "pool_kwargs": {"num_kp": 32, "temperature": 1.0, "noise_std": 0.0},
        },
        "obs_randomizer_class": ["ColorRandomizer", "CropRandomizer"],
        "obs_randomizer_kwargs": [{}, {**crop, "pos_enc": False}],
    }


def _make_release(made: dict[str, Any], data: Sequence[Path]) -> None:
    """0.3.0 knows no diffusion policy, one file, and one randomizer."""
    made["algo_name"] = "bc"
    made["algo"] = {}
    made["train"].update(data=str(data[0]), seq_length=1, frame_stack=1)
    for key in ("action_keys", "action_config"):
        del made["train"][key]
    rgb = made["observation"]["encoder"]["rgb"]
    rgb["obs_randomizer_class"] = "CropRandomizer"
    rgb["obs_randomizer_kwargs"] = rgb["obs_randomizer_kwargs"][1]


def _set(made: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        made = made.setdefault(name, {})
    made[last] = value
