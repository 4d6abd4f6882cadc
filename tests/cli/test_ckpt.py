from __future__ import annotations

import json
from pathlib import Path

import pytest

from forkctl.cli import main

WEIGHT = "policy.obs_encoder.{wrap}nets.obs.obs_nets.{camera}.conv.weight"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A checkpoint, and one of a model with another camera and fewer actions."""
    import struct

    made = []
    for name, wrap, camera, actions in (
        ("source", "module.", "camera/left", 10),
        ("target", "", "agentview_rgb", 7),
    ):
        header, at = {}, 0
        for tensor, shape in (
            (WEIGHT.format(wrap=wrap, camera=camera), [4, 3, 3, 3]),
            (f"policy.noise_pred_net.{wrap}final.weight", [actions, 4]),
            (f"policy.noise_pred_net.{wrap}final.bias", [4]),
        ):
            size = 4
            for n in shape:
                size *= n
            header[tensor] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
            at += size
        raw = json.dumps(header).encode()
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(at))
        made.append(str(path))
    return made[0], made[1]


def test_inspect_names_cameras_and_parts(files: tuple[str, str], capsys: Capture) -> None:
    assert main(["ckpt", "inspect", files[0], "--tensors"]) == 0
    shown = capsys.readouterr().out
    assert "visual encoder camera/left" in shown
    assert "policy.noise_pred_net.module.final.weight  (10, 4)" in shown
    assert main(["ckpt", "inspect", files[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sections"]["nets"]["tensors"] == 3


def test_a_plan_that_leaves_the_policy_blind_asks_the_user_to_act(
    files: tuple[str, str], capsys: Capture
) -> None:
    assert main(["ckpt", "plan", files[0], "--model", files[1]]) == 1
    said = capsys.readouterr()
    assert "0 of 1 tensors" in said.out
    assert "ckpt_key_map" in said.err


def test_a_plan_with_the_camera_renamed_is_good(files: tuple[str, str], capsys: Capture) -> None:
    words = ["ckpt", "plan", files[0], "--model", files[1], "--map", "camera/left=agentview_rgb"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "visual encoder: 1 of 1 tensors" in shown
    assert "reshaped: policy.noise_pred_net.final.weight (10, 4) -> (7, 4)" in shown
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total"]["tensors_taken"], found["total"]["renamed"]) == (2, 1)


def test_the_well_known_strict_false_is_shown_to_take_over_nothing(
    files: tuple[str, str], capsys: Capture
) -> None:
    assert main(["ckpt", "plan", files[0], "--model", files[1], "--plain", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["total"]["tensors_taken"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--model"),
        (["--model", "TARGET", "--map", "camera/left"], "OLD=NEW"),
        (["--fork", "robomimic"], "--config"),
    ],
)
def test_words_that_do_not_make_a_plan_are_a_usage_error(
    files: tuple[str, str], capsys: Capture, words: list[str], said: str
) -> None:
    given = [files[1] if word == "TARGET" else word for word in words]
    assert main(["ckpt", "plan", files[0], *given]) == 2
    assert said in capsys.readouterr().err


def test_a_missing_file_is_the_users_to_mend(tmp_path: Path, capsys: Capture) -> None:
    assert main(["ckpt", "inspect", str(tmp_path / "gone.pth")]) == 1
    assert "gone.pth" in capsys.readouterr().err
