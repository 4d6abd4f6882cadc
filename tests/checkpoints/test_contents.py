from __future__ import annotations

import struct
from pathlib import Path

import pytest

from forkctl.checkpoints.contents import open_checkpoint, require_undamaged
from forkctl.checkpoints.summary import summarise
from forkctl.errors import ForkctlError
from tests.checkpoints.torch_files import (
    Tensor,
    robomimic_content,
    write_safetensors,
    write_torch,
)

NETS = {
    "policy.obs_encoder.nets.obs.obs_nets.front_image.nets.0.conv1.weight": (8, 3, 7, 7),
    "policy.obs_encoder.nets.obs.obs_nets.front_image.pool.pos_x": (1, 16),
    "policy.noise_pred_net.final.weight": (7, 4),
}
CONFIG = {
    "observation": {
        "image_dim": [256, 256],
        "modalities": {"obs": {"rgb": ["front_image"], "low_dim": ["pose"], "depth": []}},
    },
    "algo": {"horizon": {"observation_horizon": 2}},
}


def test_a_robomimic_checkpoint_says_what_it_was_trained_for(tmp_path: Path) -> None:
    content = robomimic_content(
        NETS,
        CONFIG,
        shape_metadata={"ac_dim": 7, "all_shapes": {"front_image": [3, 256, 256]}},
        action_normalization_stats={"actions": {"scale": [1]}},
    )
    summary = summarise(open_checkpoint(write_torch(tmp_path / "a.pth", content)))
    assert summary["kind"] == "torch"
    assert summary["sections"]["ema"] == {
        "tensors": 3,
        "buffers": 1,
        "numbers": 8 * 3 * 7 * 7 + 7 * 4,
    }
    assert summary["observations"] == {
        "front_image": {"kind": "rgb", "shape": [3, 256, 256]},
        "pose": {"kind": "low_dim", "shape": None},
    }
    assert summary["action_dim"] == 7
    assert summary["settings"] == {"image_dim": [256, 256], "observation_horizon": 2}
    assert summary["normalised"] == ["action"]
    assert next(iter(summary["parts"])) == "visual encoder front_image"


def test_metadata_of_several_files_is_read_from_the_first(tmp_path: Path) -> None:
    content = robomimic_content(NETS, CONFIG, shape_metadata=[{"ac_dim": 7}, {"ac_dim": 7}])
    assert open_checkpoint(write_torch(tmp_path / "a.pth", content)).shapes == {"ac_dim": 7}


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "module"])
def test_a_state_dict_is_found_under_its_usual_names(tmp_path: Path, wrapper: str | None) -> None:
    weights = {"encoder": {"weight": Tensor(2, 2)}}
    content = weights if wrapper is None else {wrapper: weights, "epoch": 3}
    checkpoint = open_checkpoint(write_torch(tmp_path / "a.pth", content))
    assert checkpoint.kind == "torch"
    assert list(checkpoint.nets) == ["encoder.weight"]


def test_images_are_told_from_the_weights_where_nothing_else_tells(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(write_safetensors(tmp_path / "a.safetensors", NETS))
    assert summarise(checkpoint)["observations"] == {"front_image": {"kind": "rgb", "shape": None}}


def test_safetensors_shapes_and_buffers(tmp_path: Path) -> None:
    nets = open_checkpoint(write_safetensors(tmp_path / "a.safetensors", NETS)).nets
    assert {name: facts.shape for name, facts in nets.items()} == NETS
    assert [name for name, facts in nets.items() if facts.buffer] == [
        "policy.obs_encoder.nets.obs.obs_nets.front_image.pool.pos_x"
    ]


@pytest.mark.parametrize("cut", [3, 40, -10])
def test_a_short_safetensors_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", NETS)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ForkctlError, match=r"not a complete \.safetensors file"):
        open_checkpoint(path)


def test_a_safetensors_header_that_is_not_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 4) + b"[1,}" + bytes(8))
    with pytest.raises(ForkctlError, match="does not parse"):
        open_checkpoint(path)


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForkctlError, match="no named tensors"):
        open_checkpoint(write_torch(tmp_path / "a.pth", {"epoch": 3}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ForkctlError, match="no such file"):
        open_checkpoint(tmp_path / "gone.pth")


def test_damaged_numbers_in_a_file_of_sound_structure_are_seen(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "a.pth", {"weight": Tensor(50)})
    require_undamaged(path)
    content = path.read_bytes()
    at = content.index(bytes(200)) + 100
    path.write_bytes(content[:at] + b"!" + content[at + 1 :])
    assert open_checkpoint(path).nets, "the structure is whole"
    with pytest.raises(ForkctlError, match="archive/data/0 does not fit its checksum"):
        require_undamaged(path)
    require_undamaged(write_safetensors(tmp_path / "a.safetensors", NETS))
