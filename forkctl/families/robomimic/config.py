"""Generate robomimic's native config for a LIBERO suite, from scratch or to fine-tune."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forkctl.configs import Config, get
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import ConfigRequest, DataFacts

# Proprioception that both layouts of LIBERO have. ee_ori is an axis-angle.
_LOW_DIM = ("ee_pos", "ee_ori", "gripper_states")

_OBJECT = "object"  # where the objects are

# What a DROID checkpoint is taken for while its file is only a ${VARIABLE}: two exterior cameras,
# resized to 256. A config made with --ckpt FILE says what that file says.
_ASSUMED_CAMERAS = (
    "camera/image/varied_camera_1_left_image",
    "camera/image/varied_camera_2_left_image",
)
_ASSUMED_IMAGE = 256
# DROID's own configs crop 116 of 128; the same share of any other size.
_CROP_SHARE = 116 / 128


DIFFUSION, BC = ALGOS = ("diffusion_policy", "bc")


@dataclass(frozen=True)
class Dialect:
    """What differs between the revisions of robomimic that we run."""

    name: str
    algo: str  # that it trains unless another one is asked for
    several_files: bool
    can_resume: bool
    saves_last: bool  # last.pth and a copy of it, every epoch
    saved_bytes: int  # for each parameter: weights, their average, two moments of the optimizer


DIALECTS = {
    each.name: each
    for each in (
        Dialect("robomimic", DIFFUSION, True, True, True, saved_bytes=16),
        Dialect("droid", DIFFUSION, True, False, False, saved_bytes=8),
        Dialect("robomimic-release", BC, False, False, False, saved_bytes=4),
    )
}


def generate(dialect: Dialect, request: ConfigRequest) -> Config:
    source = _Source(request)
    finetune = request.checkpoint is not None
    algo = _algo_of(dialect, request)
    diffusion = algo == DIFFUSION
    cameras = [camera.key for camera in request.facts.cameras]
    low_dim = _low_dim(request.facts)
    config: Config = {
        "algo_name": algo,
        "experiment": {
            "name": request.suite + ("_finetune" if finetune else ""),
            "validate": False,
            "logging": {"terminal_output_to_txt": True, "log_tb": True, "log_wandb": False},
            "save": {"enabled": True, "every_n_epochs": 50},
            "epoch_every_n_steps": 500,
            "rollout": {"enabled": False},
        },
        "train": {
            "data": data_value(dialect, [request.data]),
            "num_data_workers": 4,
            "hdf5_cache_mode": "low_dim" if cameras else "all",
            "hdf5_load_next_obs": False,  # LIBERO has no next_obs
            "hdf5_normalize_obs": False,
            "seq_length": 15 if diffusion else 1,
            "frame_stack": 2 if diffusion else 1,
            "dataset_keys": ["actions"],
            "batch_size": 128,
            "num_epochs": 250,
            "seed": 1,
        },
        "algo": _algo(source) if diffusion else {},
        "observation": {
            "modalities": {
                "obs": {
                    "low_dim": low_dim,
                    "rgb": cameras,
                    "depth": [],
                    "scan": [],
                }
            },
        },
    }
    if cameras:
        config["observation"]["encoder"] = {"rgb": _encoder(dialect, source)}
    if dialect.several_files:
        _describe_actions(config, dialect, request.facts.action_dim)
    if source.image_dim is not None:
        config["observation"]["image_dim"] = list(source.image_dim)
    if finetune:
        config["experiment"].update(
            ckpt_path=request.checkpoint,
            strict_weight_loading=False,
            ckpt_key_map=camera_map(source.cameras, cameras),
        )
    return config


def _algo_of(dialect: Dialect, request: ConfigRequest) -> str:
    algo = request.choices.get("algo", dialect.algo)
    if algo == DIFFUSION != dialect.algo:
        raise UsageError(f"{dialect.name} has no diffusion policy", hint=f"--algo {dialect.algo}")
    return algo


def _low_dim(facts: DataFacts) -> list[str]:
    """A policy that sees no frames must be given where things are."""
    there = [name for name, _ in facts.low_dim]
    if not facts.cameras and _OBJECT not in there:
        raise ForkctlError(
            f"the data has neither a camera nor `{_OBJECT}`, so that no policy could find anything",
            hint="`forkctl demos --layout low_dim` and `forkctl data synth --no-images` write it",
        )
    return [key for key in _LOW_DIM if key in there] + ([] if facts.cameras else [_OBJECT])


def data_value(dialect: Dialect, paths: Sequence[str]) -> Any:
    """`train.data` as this revision wants it."""
    return [{"path": path} for path in paths] if dialect.several_files else paths[0]


def camera_map(theirs: Sequence[str], ours: Sequence[str]) -> dict[str, str | list[str]]:
    """Which of our cameras takes over the encoder of which of theirs.

    A wrist camera goes to the wrist camera where both have one; the others follow in order. Where
    they have fewer, the first of theirs serves those left over, which would be blind otherwise.
    """
    pairs: dict[str, str | list[str]] = {}
    free = list(ours)
    wrist = [camera for camera in theirs if "hand" in camera][:1]
    for camera in [*wrist, *(other for other in theirs if other not in wrist)]:
        alike = [key for key in free if ("hand" in key) == ("hand" in camera)] or free
        if alike:
            pairs[camera] = alike[0]
            free.remove(alike[0])
    if free and theirs:
        pairs[theirs[0]] = [str(pairs[theirs[0]]), *free]
    return {
        camera: pairs[camera] for camera in theirs if camera in pairs and camera != pairs[camera]
    }


def crop_of(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """The height and width that rgb frames are cropped to, where the config says one."""
    kwargs = get(config, "observation.encoder.rgb.obs_randomizer_kwargs")
    for each in kwargs if isinstance(kwargs, list) else [kwargs]:
        height, width = get(each or {}, "crop_height"), get(each or {}, "crop_width")
        if isinstance(height, int) and isinstance(width, int):
            return height, width
    return None


class _Source:
    """Where the network's form comes from: the checkpoint's own config, or our defaults."""

    def __init__(self, request: ConfigRequest) -> None:
        self.config: Mapping[str, Any] = request.checkpoint_config or {}
        self.finetune = request.checkpoint is not None
        cameras = get(self.config, "observation.modalities.obs.rgb")
        self.cameras: tuple[str, ...] = tuple(cameras or _ASSUMED_CAMERAS)
        frame = request.facts.cameras[0] if request.facts.cameras else None
        self.frame = (frame.height, frame.width) if frame else (128, 128)
        self.told_size = self._told_size(request)
        self.image_dim = self._image_dim() if self.finetune else None

    def _told_size(self, request: ConfigRequest) -> tuple[int, int] | None:
        """The size of what the checkpoint's encoder saw, before any crop."""
        size = get(self.config, "observation.image_dim")
        shapes = get(request.checkpoint_shapes or {}, "all_shapes", {})
        if not size and self.cameras[0] in shapes:
            size = shapes[self.cameras[0]][-2:]  # channels first
        return (int(size[0]), int(size[1])) if size else None

    def _image_dim(self) -> tuple[int, int] | None:
        """That size, where the frames have another."""
        size = self.told_size or (_ASSUMED_IMAGE, _ASSUMED_IMAGE)
        return None if size == self.frame else size

    def take(self, path: str, default: Any) -> Any:
        return copy.deepcopy(get(self.config, path, default))

    @property
    def crop(self) -> tuple[int, int]:
        """The checkpoint's own, or as much of the frames as DROID's configs take."""
        height, width = self.image_dim or self.frame
        theirs = crop_of(self.config) if self.told_size else None
        if theirs and 0 < theirs[0] <= height and 0 < theirs[1] <= width:
            return theirs
        return round(height * _CROP_SHARE), round(width * _CROP_SHARE)


def _algo(source: _Source) -> Config:
    sampler = {"num_train_timesteps": 100, "num_inference_timesteps": 10}
    return {
        "optim_params": {"policy": {"learning_rate": {"initial": 1e-4}}},
        "horizon": {
            "observation_horizon": source.take("algo.horizon.observation_horizon", 2),
            "action_horizon": source.take("algo.horizon.action_horizon", 8),
            "prediction_horizon": source.take("algo.horizon.prediction_horizon", 16),
        },
        "unet": {
            "enabled": True,
            "diffusion_step_embed_dim": source.take("algo.unet.diffusion_step_embed_dim", 256),
            "down_dims": source.take("algo.unet.down_dims", [256, 512, 1024]),
            "kernel_size": source.take("algo.unet.kernel_size", 5),
            "n_groups": source.take("algo.unet.n_groups", 8),
        },
        "ema": {"enabled": True},
        "ddpm": {"enabled": False},
        "ddim": {
            "enabled": True,
            **{key: source.take(f"algo.ddim.{key}", value) for key, value in sampler.items()},
        },
    }


def _encoder(dialect: Dialect, source: _Source) -> Config:
    core = {
        "feature_dimension": 512,
        "flatten": True,
        "backbone_class": "ResNet50Conv",
        "backbone_kwargs": {"pretrained": False, "input_coord_conv": False},
        "pool_class": "SpatialSoftmax",
    }
    height, width = source.crop
    crop = {"crop_height": height, "crop_width": width, "num_crops": 1, "pos_enc": False}
    several = dialect.several_files
    encoder: Config = {
        "core_class": source.take("observation.encoder.rgb.core_class", "VisualCore"),
        "core_kwargs": source.take("observation.encoder.rgb.core_kwargs", core),
        "obs_randomizer_class": ["ColorRandomizer", "CropRandomizer"]
        if several
        else "CropRandomizer",
        "obs_randomizer_kwargs": [{}, crop] if several else crop,
    }
    encoder["core_kwargs"].pop("input_shape", None)
    if dialect.name == "droid":
        encoder["fuser"] = source.take("observation.encoder.rgb.fuser", None)
    return encoder


def _describe_actions(config: Config, dialect: Dialect, action_dim: int) -> None:
    config["train"]["action_keys"] = ["actions"]
    config["train"]["action_config"] = {"actions": {"normalization": "min_max"}}
    if dialect.name == "droid":
        config["train"]["data_format"] = "robomimic"
        config["train"]["action_shapes"] = [[1, action_dim]]
