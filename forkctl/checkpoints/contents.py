"""Inspect a checkpoint: its weights and what it says about itself. Loads no numbers."""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forkctl.checkpoints.facts import TensorFacts, looks_like_buffer
from forkctl.checkpoints.safetensors import read_safetensors_header
from forkctl.checkpoints.sections import WRAPPERS, describes_itself, sections_of
from forkctl.checkpoints.unpickling import read_pickled_structure
from forkctl.errors import ForkctlError

Weights = dict[str, TensorFacts]
TORCH, SAFETENSORS = "torch", "safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """`weights` maps a section ("nets", and "ema" where there is one) to its tensors."""

    path: Path
    kind: str  # torch or safetensors
    weights: Mapping[str, Weights]
    algo: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, Any] = field(default_factory=dict)  # of observations and actions
    env: Any = None  # a list if it was trained on several files
    normalised: tuple[str, ...] = ()  # which normalisation statistics the file carries

    @property
    def nets(self) -> Weights:
        return self.weights["nets"]


def open_checkpoint(path: Path) -> Checkpoint:
    """What the file contains; one that wants to run code, or is damaged, is refused."""
    if not path.is_file():
        raise ForkctlError(
            "there is no such file",
            where=str(path),
            hint="give the path of a .pth or .safetensors file",
        )
    with described_in(path):
        if path.suffix == ".safetensors":
            tensors, _metadata = read_safetensors_header(path)
            return Checkpoint(path, SAFETENSORS, {"nets": tensors})
        content = read_pickled_structure(path)
        weights = {
            section: {name: _marked(name, facts) for name, facts in tensors.items()}
            for section, tensors in sections_of(content, _is_facts).items()
        }
        if describes_itself(content):
            return _described(path, content, weights)
        if not weights["nets"]:
            raise ForkctlError(
                "the file contains no named tensors",
                where=str(path),
                hint="a checkpoint is a dictionary of tensors, or has one under "
                + ", ".join(WRAPPERS),
            )
        return Checkpoint(path, TORCH, weights)


@contextlib.contextmanager
def described_in(path: Path) -> Iterator[None]:
    """A file may say anything of itself: a list for a dictionary, a dictionary in itself."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ForkctlError(
            f"it does not say of itself what a checkpoint does ({error})",
            where=str(path),
            hint="ask its author for the weights alone, preferably as .safetensors",
        ) from error


def require_undamaged(path: Path) -> None:
    """Read all of a torch file, and compare it with the checksums in it: its numbers may be damaged
    where its structure is not. The other formats have none."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        try:
            broken = archive.testzip()
        except (zipfile.BadZipFile, OSError, zlib.error, EOFError) as error:
            broken = str(error)
    if broken is not None:
        raise ForkctlError(
            f"the file is damaged: {broken} does not fit its checksum",
            where=str(path),
            hint="download or copy it again",
        )


def _described(
    path: Path, content: Mapping[str, Any], weights: Mapping[str, Weights]
) -> Checkpoint:
    """A file with the config and the shapes that the weights were trained with."""
    config = content.get("config")
    statistics = ("obs_normalization_stats", "action_normalization_stats")
    return Checkpoint(
        path=path,
        kind=TORCH,
        weights=weights,
        algo=str(content["algo_name"]),
        config=dict(json.loads(config)) if isinstance(config, str) else {},
        shapes=_shapes(_first(content.get("shape_metadata")) or {}),
        env=content.get("env_metadata"),
        normalised=tuple(name.split("_")[0] for name in statistics if content.get(name)),
    )


def _shapes(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is of use, as plain numbers: a pickle can make the rest endless."""
    found: dict[str, Any] = {}
    if "ac_dim" in said:
        found["ac_dim"] = int(said["ac_dim"])
    if "all_shapes" in said:
        shapes = said["all_shapes"].items()
        found["all_shapes"] = {str(key): [int(n) for n in shape] for key, shape in shapes}
    return found


def _is_facts(value: Any) -> bool:
    return isinstance(value, TensorFacts)


def _marked(name: str, facts: TensorFacts) -> TensorFacts:
    return replace(facts, buffer=looks_like_buffer(name))


def _first(value: Any) -> Any:
    """The first entry of what is a list if the model was trained on several files."""
    return value[0] if isinstance(value, list) and value else value
