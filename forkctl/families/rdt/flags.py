"""Flags of RDT's main.py, and those that tutorials use in their place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forkctl import checks
from forkctl.checks import Check
from forkctl.errors import UsageError

Flags = Mapping[str, Any]

# What people write -> what upstream's parser has. Upstream refuses the left side.
_CALLED_OTHERWISE = {
    "per_device_train_batch_size": "train_batch_size",
    "batch_size": "train_batch_size",
    "per_device_eval_batch_size": "sample_batch_size",
    "eval_batch_size": "sample_batch_size",
    "warmup_steps": "lr_warmup_steps",
    "num_warmup_steps": "lr_warmup_steps",
    "save_steps": "checkpointing_period",
    "checkpointing_steps": "checkpointing_period",
    "save_total_limit": "checkpoints_total_limit",
    "eval_steps": "sample_period",
    "max_steps": "max_train_steps",
    "num_epochs": "num_train_epochs",
    "lr": "learning_rate",
    "lr_scheduler_type": "lr_scheduler",
    "weight_decay": "adam_weight_decay",
    "num_workers": "dataloader_num_workers",
}
# Flags of other trainers that upstream has no use for, and why nothing is lost.
_NEEDLESS = {
    "logging_steps": "every step is logged",
    "save_strategy": "checkpointing_period says when it saves",
    "output_dir": "a run writes into its own folder",
    "logging_dir": "a run writes into its own folder",
    "config_path": "it is made for each run, from the config's section `upstream`",
    "overwrite_output_dir": "a run's folder is always new",
}
# Two ways to say how long a run is: upstream ignores the second where it has the first.
_STEPS, _EPOCHS = "max_train_steps", "num_train_epochs"
_ELSEWHERE = {"run_name": "name", "name": "name"}  # keys of the config itself
_PRECISIONS = ("bf16", "fp16")


@dataclass(frozen=True)
class Understood:
    """Flags of upstream's own, what belongs in other places of the config, and what to tell."""

    flags: dict[str, Any]
    elsewhere: dict[str, Any]
    checks: tuple[Check, ...]


def from_words(words: Sequence[str]) -> dict[str, Any]:
    """`--a 1 --b=2 --c` as a mapping; a flag without a value is True."""
    found: dict[str, Any] = {}
    waiting: str | None = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = name.replace("-", "_")
            found[name] = value if equals else True
            waiting = None if equals else name
        elif waiting is not None:
            found[waiting], waiting = word, None
        else:
            raise UsageError(
                f"{word!r} after -- belongs to no flag", hint="forkctl run rdt CONFIG -- --flag 1"
            )
    return found


def to_words(flags: Flags) -> list[str]:
    words: list[str] = []
    for name, value in flags.items():
        if value is True:
            words.append(f"--{name}")
        elif value is not None and value is not False:
            words += [f"--{name}", str(value)]
    return words


def understood(*written: Flags) -> Understood:
    """Every flag in upstream's own words, with a notice for each that was not. The last counts,
    also of steps and epochs: a generated config says steps, and --set stands after them."""
    flags: dict[str, Any] = {}
    elsewhere: dict[str, Any] = {}
    notices: list[Check] = []
    for name, value in itertools.chain.from_iterable(each.items() for each in written):
        value = _plain(value)
        if name in _CALLED_OTHERWISE:
            own = _CALLED_OTHERWISE[name]
            notices.append(_notice(f"--{name} is --{own} here, and was taken for it"))
            notices += _put(flags, own, value)
        elif name in _PRECISIONS:
            notices.append(
                _notice(f"--{name} is --mixed_precision {name} here, and was taken for it")
            )
            if value:
                flags["mixed_precision"] = name
        elif name in _ELSEWHERE:
            elsewhere[_ELSEWHERE[name]] = value
            notices.append(_notice(f"upstream has no --{name}: the run is called {value}"))
        elif name in _NEEDLESS:
            notices.append(_notice(f"--{name} was left out: {_NEEDLESS[name]}"))
        else:
            notices += _put(flags, name, value)
    return Understood(flags, elsewhere, tuple(notices + _warm_up(set().union(*written), flags)))


def _put(flags: dict[str, Any], name: str, value: Any) -> list[Check]:
    flags[name] = value
    other = {_STEPS: _EPOCHS, _EPOCHS: _STEPS}.get(name)
    if other is None or value is None or flags.get(other) is None:
        return []
    text = (
        f"--{name} {value} counts, and --{other} {flags.pop(other)} does not: it was written last"
    )
    return [_notice(text)]


def _warm_up(written: set[str], flags: dict[str, Any]) -> list[Check]:
    """Upstream's default schedule has no warm-up, and takes the number without a word."""
    constant = flags.get("lr_scheduler", "constant") == "constant"
    if constant and {"warmup_steps", "num_warmup_steps"} & written:
        flags["lr_scheduler"] = "constant_with_warmup"
        return [_notice("--lr_scheduler is constant_with_warmup now: `constant` has no warm-up")]
    if constant and "lr_warmup_steps" in flags:
        return [
            checks.warning(
                "flags",
                "--lr_warmup_steps has no effect with --lr_scheduler constant",
                "--lr_scheduler constant_with_warmup",
            )
        ]
    return []


def _notice(text: str) -> Check:
    return checks.warning("flags", text)


def _plain(value: Any) -> Any:
    """`--push_to_hub False`, as people write a flag that takes no value; and whole numbers."""
    if not isinstance(value, str):
        return value
    if value.isdecimal() and value == str(int(value)):
        return int(value)
    return {"true": True, "false": False}.get(value.lower(), value)
