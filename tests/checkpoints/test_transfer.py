from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.names import KeyMap
from forkctl.checkpoints.report import (
    missing_and_unexpected,
    plan_as_dict,
    plan_as_text,
)
from forkctl.checkpoints.transfer import (
    PLAIN_NON_STRICT,
    Rules,
    TensorOutcome,
    TransferPlan,
    plan_transfer,
    refusal,
)
from forkctl.errors import ForkctlError

ENCODER = "policy.obs_encoder.{wrap}nets.obs.obs_nets.{camera}.nets.0.{part}"
HEAD = "policy.noise_pred_net.{wrap}{part}"
CAMERAS = {"camera/left": "agentview_rgb", "camera/right": "eye_in_hand_rgb"}


def model(
    cameras: tuple[str, ...], *, actions: int, condition: int = 64, pixels: int = 16, wrap: str = ""
) -> dict[str, TensorFacts]:
    """A small model in robomimic's names."""
    tensors = {}
    for camera in cameras:
        for part, shape in (("conv.weight", (8, 3, 3, 3)), ("conv.bias", (8,))):
            tensors[ENCODER.format(wrap=wrap, camera=camera, part=part)] = TensorFacts(shape)
        name = ENCODER.format(wrap=wrap, camera=camera, part="pos_x")
        tensors[name] = TensorFacts((1, pixels), buffer=True)
    for part, shape in (
        ("mid.cond_encoder.1.weight", (32, condition)),
        ("mid.cond_encoder.1.bias", (32,)),
        ("final_conv.weight", (actions, 32, 1)),
    ):
        tensors[HEAD.format(wrap=wrap, part=part)] = TensorFacts(shape)
    return tensors


SOURCE = model(tuple(CAMERAS), actions=10, wrap="module.")
TARGET = model(tuple(CAMERAS.values()), actions=7)


def outcomes(plan: TransferPlan) -> Mapping[str, TensorOutcome]:
    return {move.target: move.outcome for move in plan.moves}


def test_renaming_cameras_and_dropping_wrappers_takes_over_the_encoders() -> None:
    plan = plan_transfer(SOURCE, TARGET, Rules(key_map=CAMERAS))
    assert len(plan.visual_taken) == len(plan.visual) == 6
    assert len(plan.taken) == len(TARGET) - 1
    assert outcomes(plan)[HEAD.format(wrap="", part="final_conv.weight")] is TensorOutcome.RESHAPED
    assert outcomes(plan)[HEAD.format(wrap="", part="mid.cond_encoder.1.bias")] is (
        TensorOutcome.TRANSFERRED
    )
    left = ENCODER.format(wrap="", camera="agentview_rgb", part="conv.weight")
    (move,) = [move for move in plan.moves if move.target == left]
    assert move.outcome is TensorOutcome.RENAMED
    assert move.source == ENCODER.format(wrap="module.", camera="camera/left", part="conv.weight")
    assert refusal(plan) is None


def test_without_the_map_nothing_visual_moves_and_the_run_is_refused() -> None:
    plan = plan_transfer(SOURCE, TARGET, Rules())
    assert plan.visual_taken == ()
    refused = refusal(plan)
    assert refused is not None and "visual encoder" in refused.message
    assert "ckpt_key_map" in (refused.hint or "")
    assert refusal(plan_transfer(SOURCE, TARGET, Rules(require_visual=False))) is None


def test_a_visual_buffer_alone_does_not_count_as_a_visual_transfer() -> None:
    source = {name: f for name, f in TARGET.items() if "conv" not in name or "final" in name}
    plan = plan_transfer(source, TARGET, Rules())
    assert len(plan.visual_taken) == 2  # the buffers
    assert refusal(plan) is not None


def encoder_of(camera: str, *, weights: int) -> dict[str, TensorFacts]:
    names = [f"{number}.weight" for number in range(weights)]
    tensors = {
        ENCODER.format(wrap="", camera=camera, part=name): TensorFacts((4, 3, 3, 3))
        for name in names
    }
    statistics = ENCODER.format(wrap="", camera=camera, part="running_mean")
    return {**tensors, statistics: TensorFacts((4,), buffer=True)}


@pytest.mark.parametrize(("brought", "enough"), [(0, False), (1, False), (8, False), (9, True)])
def test_each_camera_must_be_brought_nine_tenths_of_its_encoder(brought: int, enough: bool) -> None:
    seeing = encoder_of("agentview_rgb", weights=10)
    target = {**seeing, **encoder_of("eye_in_hand_rgb", weights=10)}
    wrist = list(encoder_of("eye_in_hand_rgb", weights=10).items())[:brought]
    plan = plan_transfer({**seeing, **dict(wrist)}, target, Rules())
    refused = refusal(plan)
    assert (refused is None) is enough
    if refused is not None:
        assert f"eye_in_hand_rgb ({brought} of 10 weights)" in refused.message
        assert "agentview_rgb" not in refused.message, "that one sees"
    assert refusal(plan_transfer(dict(wrist) | seeing, target, Rules(require_visual=False))) is None


def test_plain_strict_false_is_expressible_and_is_refused_where_torch_raises() -> None:
    same_names = model(tuple(CAMERAS.values()), actions=10)
    plan = plan_transfer(same_names, TARGET, PLAIN_NON_STRICT)
    refused = refusal(plan)
    assert refused is not None and "1 tensors differ in size" in refused.message
    # with wrappers in its names the same checkpoint transfers nothing, in silence
    plan = plan_transfer(SOURCE, TARGET, PLAIN_NON_STRICT)
    assert plan.taken == () and len(plan.unused) == len(SOURCE)
    refused = refusal(plan)
    assert refused is not None and "nothing" in refused.message


def test_one_camera_may_serve_two() -> None:
    key_map: KeyMap = {"camera/left": ["agentview_rgb", "eye_in_hand_rgb"]}
    one = {name: f for name, f in SOURCE.items() if "camera/right" not in name}
    plan = plan_transfer(one, TARGET, Rules(key_map=key_map))
    assert len(plan.visual_taken) == 6


def test_a_map_entry_that_names_nothing_is_refused_with_what_is_there() -> None:
    with pytest.raises(ForkctlError, match="camera/leftt") as refused:
        plan_transfer(SOURCE, TARGET, Rules(key_map={"camera/leftt": "agentview_rgb"}))
    assert "camera/left" in (refused.value.hint or "")
    with pytest.raises(ForkctlError, match="agentview_image") as refused:
        plan_transfer(SOURCE, TARGET, Rules(key_map={"camera/left": "agentview_image"}))
    assert "agentview_rgb" in (refused.value.hint or "")


def test_two_cameras_cannot_become_one() -> None:
    key_map = {"camera/left": "agentview_rgb", "camera/right": "agentview_rgb"}
    with pytest.raises(ForkctlError, match="would both become"):
        plan_transfer(SOURCE, TARGET, Rules(key_map=key_map))


def test_a_map_replaces_whole_parts_of_a_name_only() -> None:
    source = {"a.left.weight": TensorFacts((2,)), "a.left2.weight": TensorFacts((2,))}
    target = {"a.right.weight": TensorFacts((2,)), "a.left2.weight": TensorFacts((2,))}
    plan = plan_transfer(source, target, Rules(key_map={"left": "right"}))
    assert outcomes(plan) == {
        "a.right.weight": TensorOutcome.RENAMED,
        "a.left2.weight": TensorOutcome.TRANSFERRED,
    }


def test_input_columns_grow_only_where_asked() -> None:
    wider = model(tuple(CAMERAS.values()), actions=7, condition=80)
    name = HEAD.format(wrap="", part="mid.cond_encoder.1.weight")
    assert outcomes(plan_transfer(TARGET, wider, Rules()))[name] is TensorOutcome.RESHAPED
    rules = Rules(grow=("*cond_encoder*",))
    assert outcomes(plan_transfer(TARGET, wider, rules))[name] is TensorOutcome.GROWN
    # never the other way: columns would be dropped
    assert outcomes(plan_transfer(wider, TARGET, rules))[name] is TensorOutcome.RESHAPED


@pytest.mark.parametrize("shape", [(33, 80), (32, 64, 2), (32,), (32, 60)])
def test_only_more_columns_of_the_same_rows_grow(shape: tuple[int, ...]) -> None:
    plan = plan_transfer(
        {"w": TensorFacts((32, 64))}, {"w": TensorFacts(shape)}, Rules(grow=("*",))
    )
    assert plan.moves[0].outcome is TensorOutcome.RESHAPED


def test_the_report_counts_tensors_parameters_and_buffers_apart() -> None:
    wider = model(tuple(CAMERAS.values()), actions=7, condition=80)
    wider = {
        name: replace(facts, alias=name.endswith("conv.bias")) for name, facts in wider.items()
    }
    rules = Rules(key_map=CAMERAS, grow=("*cond_encoder*",))
    found = plan_as_dict(plan_transfer(SOURCE, wider, rules))
    assert found["visual_encoder"]["tensors"] == found["visual_encoder"]["tensors_taken"] == 6
    assert found["visual_encoder"]["parameters"] == 2 * 8 * 3 * 3 * 3  # no buffers, no aliases
    assert found["buffers"]["tensors"] == 2
    grown = found["groups"]["policy.noise_pred_net conditioning"]
    assert grown["parameters_taken"] == 32 * 64 + 32  # the new columns are not the checkpoint's
    assert grown["parameters"] == 32 * 80 + 32
    assert [entry["why"] for entry in found["not_taken_over"]] == ["reshaped"]
    assert found["refused"] is None
    table = plan_as_text(plan_transfer(SOURCE, wider, rules))
    assert "visual encoder: 6 of 6 tensors" in table
    assert len({len(line.split("  ")[0]) > 0 for line in table.splitlines()}) == 1


def test_the_log_names_missing_and_unexpected_keys() -> None:
    source = {**SOURCE, "policy.extra.weight": TensorFacts((3,))}
    missing, unexpected = missing_and_unexpected(
        plan_transfer(source, TARGET, Rules(key_map=CAMERAS))
    )
    assert missing.strip().startswith("missing keys: 1 (for example policy.noise_pred_net.final")
    assert unexpected.strip() == "unexpected keys: 1 (for example policy.extra.weight)"
