"""The tensors of a model that a fork's environment built, and the transfer rules of its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forkctl.checkpoints.contents import open_checkpoint
from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.transfer import Rules
from forkctl.errors import ForkctlError
from forkctl.reading import read_json, reason


@dataclass(frozen=True)
class ModelDescription:
    tensors: Mapping[str, TensorFacts]
    rules: Rules = field(default_factory=Rules)
    strict: bool = False  # the config wants upstream's own strict load


def read_description(path: Path) -> ModelDescription:
    """What a fork wrote about its model (see Launcher.describe), or a checkpoint of the model."""
    if path.suffix != ".json":
        return ModelDescription(open_checkpoint(path).nets)
    try:
        given = read_json(path)
        tensors = {name: _facts(entry) for name, entry in given["tensors"].items()}
        rules = Rules(**{**given["rules"], "grow": tuple(given["rules"]["grow"])})
        return ModelDescription(tensors, rules, bool(given["strict"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ForkctlError(
            f"this is not a description of a model: {reason(error)}",
            where=str(path),
            hint="`forkctl ckpt plan --fork FORK --config FILE` makes one itself",
        ) from error


def _facts(entry: Mapping[str, Any]) -> TensorFacts:
    return TensorFacts(**{**entry, "shape": tuple(entry["shape"])})
