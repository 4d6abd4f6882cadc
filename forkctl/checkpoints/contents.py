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
from forkctl.checkpoints.unpickling import read_pickled_structure
from forkctl.errors import ForkctlError

Weights = dict[str, TensorFacts]
TORCH, SAFETENSORS = "torch", "safetensors"

# No model has more; dictionaries that hold themselves have.
_MOST_ENTRIES = 1_000_000
_LONGEST_NAME = 1000
# Keys under which common training code keeps the one state dict of a file.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")


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
        if isinstance(content, Mapping) and "algo_name" in content and "model" in content:
            return _described(path, content)
        return Checkpoint(path, TORCH, {"nets": _only_state_dict(path, content)})


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


def _described(path: Path, content: Mapping[str, Any]) -> Checkpoint:
    """A file with the config and the shapes that the weights were trained with."""
    model = content["model"]
    weights = {"nets": flatten(model.get("nets", model))}
    if isinstance(model.get("ema"), Mapping):
        weights["ema"] = flatten(model["ema"])
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


def _only_state_dict(path: Path, content: Any) -> Weights:
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = flatten(content) if isinstance(content, Mapping) else {}
    if not tensors:
        raise ForkctlError(
            "the file contains no named tensors",
            where=str(path),
            hint="a checkpoint is a dictionary of tensors, or has one under "
            + ", ".join(_WRAPPERS),
        )
    return tensors


def flatten(tree: Mapping[str, Any]) -> Weights:
    """Tensors of nested dictionaries under dotted names; anything else in them is left out."""
    found: Weights = {}
    open_ones = [("", iter(tree.items()))]
    for _ in range(_MOST_ENTRIES):
        prefix, entries = open_ones[-1]
        key, value = next(entries, (None, None))
        if key is None:
            open_ones.pop()
            if not open_ones:
                return found
            continue
        name = f"{prefix}{key}"
        if len(name) > _LONGEST_NAME:
            break
        if isinstance(value, TensorFacts):
            found[name] = replace(value, buffer=looks_like_buffer(name))
        elif isinstance(value, Mapping):
            open_ones.append((f"{name}.", iter(value.items())))
    raise ValueError("dictionaries within dictionaries without an end")


def _first(value: Any) -> Any:
    """The first entry of what is a list if the model was trained on several files."""
    return value[0] if isinstance(value, list) and value else value
