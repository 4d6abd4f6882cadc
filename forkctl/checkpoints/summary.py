"""What to know about a checkpoint before using it: parts, cameras, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forkctl.checkpoints.contents import Checkpoint, Weights, described_in
from forkctl.checkpoints.names import group_tensors


def summarise(checkpoint: Checkpoint) -> dict[str, Any]:
    """Plain values for the screen and for `--json`."""
    with described_in(checkpoint.path):
        return _summary(checkpoint)


def _summary(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "file": str(checkpoint.path),
        "bytes": checkpoint.path.stat().st_size,
        "kind": checkpoint.kind,
        "algorithm": checkpoint.algo,
        "sections": {name: _counts(weights) for name, weights in checkpoint.weights.items()},
        "parts": parts_of(checkpoint.nets),
        "observations": observations_of(checkpoint),
        "action_dim": checkpoint.shapes.get("ac_dim"),
        "settings": settings_of(checkpoint.config),
        "normalised": list(checkpoint.normalised),
    }


def parts_of(weights: Weights) -> dict[str, dict[str, int]]:
    """Tensors and numbers of each part of the model, image encoders first."""
    grouping = group_tensors(weights)
    groups: dict[str, Weights] = {}
    for name in sorted(weights, key=lambda name: not grouping.is_visual(name)):
        groups.setdefault(grouping.label(name), {})[name] = weights[name]
    return {label: _counts(tensors) for label, tensors in groups.items()}


def _counts(weights: Weights) -> dict[str, int]:
    return {
        "tensors": len(weights),
        "buffers": sum(facts.buffer for facts in weights.values()),
        "numbers": sum(facts.numel for facts in weights.values() if not facts.buffer),
    }


def observations_of(checkpoint: Checkpoint) -> dict[str, dict[str, Any]]:
    """Each observation with its kind and, if the file says so, its shape."""
    modalities = _at(checkpoint.config, "observation.modalities.obs") or {}
    kinds = {key: kind for kind, keys in modalities.items() for key in keys or ()}
    shapes = checkpoint.shapes.get("all_shapes") or {}
    if not kinds:  # the weights alone still show which observations are images
        kinds = dict.fromkeys(sorted(group_tensors(checkpoint.nets).image_keys), "rgb")
    return {
        key: {"kind": kind, "shape": list(shapes[key]) if key in shapes else None}
        for key, kind in kinds.items()
    }


# What decides whether weights fit, by its name in `settings`.
_SETTINGS = {
    "image_dim": "observation.image_dim",
    "backbone": "observation.encoder.rgb.core_kwargs.backbone_class",
    "feature_dimension": "observation.encoder.rgb.core_kwargs.feature_dimension",
    "keypoints": "observation.encoder.rgb.core_kwargs.pool_kwargs.num_kp",
    "randomizers": "observation.encoder.rgb.obs_randomizer_kwargs",
    "observation_horizon": "algo.horizon.observation_horizon",
    "action_horizon": "algo.horizon.action_horizon",
    "prediction_horizon": "algo.horizon.prediction_horizon",
    "unet_channels": "algo.unet.down_dims",
    "ema": "algo.ema.enabled",
    "frame_stack": "train.frame_stack",
    "seq_length": "train.seq_length",
}


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: _at(config, path) for name, path in _SETTINGS.items()}
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _at(config: Mapping[str, Any], path: str) -> Any:
    value: Any = config
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value
