from __future__ import annotations

import pytest

from forkctl.errors import UsageError
from forkctl.families.rdt.flags import from_words, to_words, understood


def test_words_are_read_as_flags_with_and_without_values() -> None:
    words = ["--seed", "3", "--image_aug", "--adam-beta1=0.8", "--cam_ext_mask_prob", "-1.0"]
    assert from_words(words) == {
        "seed": "3",
        "image_aug": True,
        "adam_beta1": "0.8",
        "cam_ext_mask_prob": "-1.0",
    }


def test_a_word_that_belongs_to_no_flag_is_refused() -> None:
    with pytest.raises(UsageError, match="'12' after -- belongs to no flag"):
        from_words(["--seed", "3", "12"])


def test_flags_become_words_again_and_what_is_off_is_left_out() -> None:
    flags = {"seed": 0, "image_aug": True, "push_to_hub": False, "hub_token": None}
    assert to_words(flags) == ["--seed", "0", "--image_aug"]


def test_flags_of_tutorials_are_taken_for_upstreams_own_and_each_is_told() -> None:
    found = understood(
        {
            "per_device_train_batch_size": 8,
            "save_steps": 100,
            "run_name": "mine",
            "logging_steps": 10,
            "bf16": True,
            "push_to_hub": "False",
            "learning_rate": 1e-4,
        }
    )
    assert found.flags == {
        "train_batch_size": 8,
        "checkpointing_period": 100,
        "mixed_precision": "bf16",
        "push_to_hub": False,
        "learning_rate": 1e-4,
    }
    assert found.elsewhere == {"name": "mine"}
    told = " ".join(check.text for check in found.checks)
    for name in ("per_device_train_batch_size", "save_steps", "run_name", "logging_steps", "bf16"):
        assert f"--{name}" in told
    assert "learning_rate" not in told


def test_what_is_written_last_counts_whatever_it_is_called() -> None:
    tutorials, upstreams = {"save_steps": 100}, {"checkpointing_period": 500}
    assert understood(upstreams, tutorials).flags == {"checkpointing_period": 100}
    assert understood(tutorials, upstreams).flags == {"checkpointing_period": 500}
    assert understood({**tutorials, **upstreams}, tutorials).flags == {"checkpointing_period": 100}


@pytest.mark.parametrize("name", ["num_train_epochs", "num_epochs"])
def test_of_steps_and_epochs_the_last_counts_and_that_is_told(name: str) -> None:
    """Upstream ignores epochs where there are steps, and every generated config has steps."""
    generated = {"max_train_steps": 150000}
    for written in ([{**generated, name: 3}], [generated, {name: "3"}]):
        found = understood(*written)
        assert found.flags == {"num_train_epochs": 3}
        told = found.checks[-1].text
        assert told.startswith("--num_train_epochs 3 counts, and --max_train_steps 150000 does not")
    again = understood({**generated, name: 3}, {"max_steps": "20"})
    assert again.flags == {"max_train_steps": 20}
    alone = understood({"max_train_steps": None, "num_train_epochs": 3})
    assert alone.flags == {"max_train_steps": None, "num_train_epochs": 3}
    assert alone.checks == ()


@pytest.mark.parametrize(
    ("written", "scheduler"),
    [
        ({"warmup_steps": 500}, "constant_with_warmup"),
        ({"warmup_steps": 500, "lr_scheduler": "constant"}, "constant_with_warmup"),
        ({"warmup_steps": 500, "lr_scheduler": "cosine"}, "cosine"),
    ],
)
def test_a_warm_up_that_was_asked_for_takes_place(
    written: dict[str, object], scheduler: str
) -> None:
    assert understood(written).flags == {"lr_warmup_steps": 500, "lr_scheduler": scheduler}


def test_upstreams_own_warm_up_without_effect_is_warned_of_and_left_alone() -> None:
    found = understood({"lr_warmup_steps": 500})
    assert found.flags == {"lr_warmup_steps": 500}
    assert [check.text for check in found.checks] == [
        "--lr_warmup_steps has no effect with --lr_scheduler constant"
    ]
