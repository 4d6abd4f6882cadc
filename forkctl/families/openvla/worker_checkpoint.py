"""What an OpenVLA checkpoint says of itself: weights, adapter, base, images, actions, statistics.

Runs of forkctl leave a side-car, which says all of it. Without one, a checkpoint is taken for what
upstream's own script saves: merged weights, trained on augmented images of the RLDS files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forkctl_openvla.sidecar import ADAPTER, Images, Sidecar  # type: ignore[import-not-found]

from forkctl.inside.sidecar import FILE

STATISTICS = "dataset_statistics.json"
UPSTREAM_CROP = 0.9  # of the area: what upstream's image_aug crops to


@dataclass(frozen=True)
class Actions:
    """An un-normalised action is LIBERO's times `scale`, to be executed `repeat` times."""

    scale: float = 1.0
    repeat: int = 1
    unnorm_key: str | None = None


@dataclass(frozen=True)
class Described:
    """`weights` are whole; with an adapter they are its base's. Paths, or names on a hub."""

    weights: str
    processor: str
    adapter: str | None
    base: str | None
    images: Images
    actions: Actions


def describe(folder: Path) -> Described:
    if (folder / FILE).is_file():
        return _from_sidecar(folder)
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        base = _base_of(adapter)
        return Described(base, base, str(folder), base, _upstream_images(Path(base)), Actions())
    whole = str(folder)
    return Described(whole, whole, None, None, _upstream_images(folder), Actions())


def _from_sidecar(folder: Path) -> Described:
    said = Sidecar.read(folder)
    adapted = said.weights == ADAPTER
    return Described(
        weights=said.base if adapted else str(folder),
        processor=str(folder),
        adapter=str(folder / said.adapter) if adapted else None,
        base=said.base,
        images=said.images,
        actions=Actions(said.actions.scale, said.actions.repeat, said.actions.unnorm_key),
    )


def _base_of(adapter: Path) -> str:
    base = _json(adapter).get("base_model_name_or_path")
    if not base:
        raise ValueError(f"{adapter} does not name the weights that it is to be put on")
    return str(base)


def _upstream_images(folder: Path) -> Images:
    config = folder / "config.json"
    side = int(_json(config).get("image_sizes", [224])[0]) if config.is_file() else 224
    return Images("agentview_rgb", (side, side), UPSTREAM_CROP, jpeg=True, frame=256)


def statistics_of(folder: Path, wanted: str | None) -> tuple[str, dict[str, Any]]:
    """The key and the statistics that its actions are un-normalised with.

    The file beside the weights is newer than the config's: upstream's script leaves the base's
    there.
    """
    kept = statistics_in(folder)
    config = _json(folder / "config.json") if (folder / "config.json").is_file() else {}
    known = {**(config.get("norm_stats") or {}), **kept}
    key = wanted or describe(folder).actions.unnorm_key
    if key is None:
        only = list(kept or known)
        if len(only) != 1:
            raise ValueError(
                f"{folder} has statistics of {', '.join(sorted(known)) or 'no data set'}: "
                "say which with --stats-key, or compare it with a checkpoint that has its own"
            )
        key = only[0]
    if key not in known:
        raise ValueError(f"{folder} has no statistics of {key!r}, but of {', '.join(known)}")
    return key, known[key]


def statistics_in(folder: Path) -> dict[str, Any]:
    """Of what it was trained on; empty where nothing says it."""
    path = folder / STATISTICS
    return _json(path) if path.is_file() else {}


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a JSON object")
    return content
