"""Load a DROID-like checkpoint into this fork in several ways, for test_transfer_into_forks.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch


def main() -> None:
    words = json.loads(sys.argv[1])
    ways = {name: attempt(words, name, changes) for name, changes in words["ways"].items()}
    print()
    print(json.dumps(ways))


def attempt(words: dict[str, Any], name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """One load: what its report says, and what really stands in the model afterwards."""
    from robomimic.forkctl_ext import finetune
    from robomimic.forkctl_ext.describe import build_model, dataset_shapes

    config = read_config(words, changes)
    torch.manual_seed(1)
    model = build_model(config, *dataset_shapes(config, words["data"][0]))
    before = copied(model.nets.state_dict())
    average = copied(model.ema.averaged_model.state_dict())
    log_dir = Path(words["scratch"]) / f"{words['fork']}-{name}"
    log_dir.mkdir()
    loaded = finetune.read_weights(words["checkpoint"])
    try:
        finetune.load_for_finetuning(model, loaded, config, str(log_dir))
        error = None
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    report = log_dir / "transfer.json"
    nets, ema = model.nets.state_dict(), model.ema.averaged_model.state_dict()
    return {
        "error": error,
        "report": json.loads(report.read_text()) if report.exists() else None,
        "nets_changed": changed(before, nets),
        "ema_changed": changed(average, ema),
        "from_checkpoint": matching(nets, loaded["model"]["nets"]),
        "ema_from_checkpoint": matching(ema, loaded["model"]["ema"]),
        "ema_is_nets": changed(nets, ema) == 0,
    }


def read_config(words: dict[str, Any], changes: dict[str, Any]) -> Any:
    from robomimic.config import config_factory
    from small_config import REAL, SMALL, config

    sizes = REAL if words.get("real") else SMALL
    files = [Path(path) for path in words["data"]]
    given = config(words["fork"], files, Path("unused"), changes, sizes=sizes)
    made = config_factory(given["algo_name"])
    with made.values_unlocked():
        made.update(given)
    return made


def copied(state: dict[str, Any]) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in state.items()}


def changed(before: dict[str, Any], after: dict[str, Any]) -> int:
    return sum(not torch.equal(before[name], after[name]) for name in before)


def matching(state: dict[str, Any], saved: dict[str, Any]) -> int:
    """How many of the model's tensors hold exactly what the checkpoint has for them."""
    from small_config import KEY_MAP

    from forkctl.checkpoints.names import canonical, renamed

    theirs = {renamed(canonical(name), KEY_MAP)[0]: tensor for name, tensor in saved.items()}
    return sum(
        canonical(name) in theirs and torch.equal(theirs[canonical(name)], tensor)
        for name, tensor in state.items()
    )


if __name__ == "__main__":
    main()
