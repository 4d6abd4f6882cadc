"""The folder that RDT runs in: its own configs/ and language embeddings.

rdt.yaml                 upstream's base.yaml with changes, and our section
configs/                 upstream's dataset lists, frequencies, weights and statistics, and ours
data/empty_lang_embed.pt upstream's
language/<task>.pt       T5's output for each task
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from forkctl.configs import Config, as_yaml, read_config, section
from forkctl.environments.binding import Place
from forkctl.families.rdt import language, statistics
from forkctl.families.rdt.config import is_path, merged
from forkctl.family import RunInputs
from forkctl.libero.schema import CONTROL_HZ
from forkctl.places import expanded

_WEIGHT = 100  # upstream's own fine-tuning data set has it


def own_places(config: Config, inputs: RunInputs) -> dict[str, Any]:
    """What our section says once the run's folder and files are known."""
    options = section(config, "forkctl")
    places: dict[str, Any] = {
        "files": [str(file.absolute()) for file in inputs.files],
        "configs": str((inputs.folder / "configs").absolute()),
        "embeddings": str((inputs.folder / "language").absolute()),
    }
    if not section(config, "flags").get("precomp_lang_embed"):
        places["embeddings"] = None
    if statistics.representation_of(options) == "absolute" and "robot_base" not in options:
        places["robot_base"] = statistics.robot_base(inputs.files)
    return places


def final_flags(config: Config, folder: Path) -> dict[str, Any]:
    """What main.py is given: paths are those of the run's folder."""
    return {
        "config_path": str(folder / "rdt.yaml"),
        "output_dir": str(folder / "upstream"),
        **section(config, "flags"),
    }


def own_flags(config: Config) -> dict[str, Any]:
    """Upstream's flags, with the paths as they are seen from anywhere."""
    return {
        name: str(expanded(Path(value)).absolute())
        if name.endswith("name_or_path") and isinstance(value, str) and is_path(value)
        else value
        for name, value in section(config, "flags").items()
    }


def lay_out(config: Config, folder: Path, place: Place) -> None:
    options = section(config, "forkctl")
    name = str(options["dataset"])
    base = merged(read_config(place.tree / "configs" / "base.yaml"), section(config, "upstream"))
    (folder / "rdt.yaml").write_text(as_yaml({**base, "forkctl": options}), encoding="utf-8")
    configs = folder / "configs"
    configs.mkdir()
    (configs / "base.yaml").symlink_to("../rdt.yaml")
    upstreams = place.tree / "configs"
    entries = {
        "dataset_control_freq.json": options.get("control_hz", CONTROL_HZ),
        "dataset_stat.json": statistics.entry(config),
        "finetune_sample_weights.json": _WEIGHT,
    }
    for file, entry in entries.items():
        _write(configs / file, {**_read(upstreams / file), name: entry})
    # upstream numbers the data sets of this list, and logs by these numbers
    _write(configs / "finetune_datasets.json", [*_read(upstreams / "finetune_datasets.json"), name])
    for path in upstreams.glob("*.json"):
        if not (configs / path.name).exists():
            shutil.copy(path, configs)
    (folder / "data").mkdir()
    empty = Path("data") / "empty_lang_embed.pt"
    (folder / empty).symlink_to(place.tree / empty)
    if options.get("embeddings"):
        language.write_embeddings(config, Path(options["embeddings"]), place)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
