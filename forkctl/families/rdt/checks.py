"""What else must hold before RDT runs: names, encoders, language, precision."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from forkctl import checks
from forkctl.checkpoints.unpickling import check_plain
from forkctl.checks import Check, any_failed
from forkctl.configs import Config, section
from forkctl.environments.binding import Place
from forkctl.errors import ForkctlError
from forkctl.families.rdt import language, statistics
from forkctl.families.rdt.config import is_path
from forkctl.places import expanded

_ENCODERS = ("pretrained_vision_encoder_name_or_path", "pretrained_text_encoder_name_or_path")


def check(config: Config, files: Sequence[Path], place: Place | None) -> list[Check]:
    encoders = _encoders(config)
    return [
        *_data_set(config, place),
        *encoders,
        *([] if any_failed(encoders) else _language(config, files)),
        *_statistics(config),
        *_flags(config),
    ]


def _data_set(config: Config, place: Place | None) -> list[Check]:
    """The name goes into four of upstream's files; none of its own entries may be hidden."""
    name = str(section(config, "forkctl").get("dataset") or "")
    if not re.fullmatch(r"[\w.-]+", name):
        return [checks.failed("dataset", f"{name!r} is not a valid name of a data set")]
    if place is not None:
        known = json.loads((place.tree / "configs" / "dataset_stat.json").read_text("utf-8"))
        if name in known:
            text = f"upstream has a data set {name} of its own"
            return [checks.failed("dataset", text, "--set forkctl.dataset=ANOTHER_NAME")]
    return []


def _statistics(config: Config) -> list[Check]:
    wanted = config.get("statistics") or statistics.MEASURED
    if wanted in (statistics.MEASURED, statistics.PUBLISHED):
        return []
    try:
        path = expanded(Path(str(wanted)))
        statistics.from_file(path, str(section(config, "forkctl").get("dataset")))
    except ForkctlError as error:
        return [checks.from_error("statistics", error)]
    return []


def _encoders(config: Config) -> list[Check]:
    flags = section(config, "flags")
    found = []
    for flag in _ENCODERS:
        name = flags.get(flag)
        needless = "text" in flag and section(config, "language").get("precomputed")
        if not name and not needless:
            found.append(checks.failed("encoder", f"--{flag} is missing"))
        elif name and is_path(str(name)) and not expanded(Path(str(name))).is_dir():
            found.append(checks.failed("encoder", f"--{flag}: no such folder: {name}"))
        elif name and is_path(str(name)):
            found += _plain("encoder", expanded(Path(str(name))))
    given = flags.get("pretrained_model_name_or_path")
    if given and is_path(str(given)) and not expanded(Path(str(given))).exists():
        found.append(checks.failed("checkpoint", f"no such file or folder: {given}"))
    return found


def _plain(subject: str, place: Path) -> list[Check]:
    try:
        check_plain(place)
    except ForkctlError as error:
        return [checks.from_error(subject, error)]
    return []


def _language(config: Config, files: Sequence[Path]) -> list[Check]:
    given = section(config, "language").get("precomputed")
    if not section(config, "flags").get("precomp_lang_embed"):
        if given:
            text = "language.precomputed needs --precomp_lang_embed"
            return [checks.failed("language", text, "--set flags.precomp_lang_embed=true")]
        text = "T5 (11 GB) is held on the GPU for the whole run"
        return [checks.warning("language", text, "--set flags.precomp_lang_embed=true")]
    if given:
        try:
            folder = expanded(Path(str(given)))
            for file in language.precomputed(folder, language.sentences_of(files)).values():
                check_plain(file)
        except ForkctlError as error:
            return [checks.from_error("language", error)]
        return []
    missing = language.to_embed(config, files)
    if missing:
        text = f"T5 embeds {missing} tasks before the run, and never again"
        return [checks.ok("language", text)]
    return []


def _flags(config: Config) -> list[Check]:
    flags = section(config, "flags")
    found = []
    if not flags.get("load_from_hdf5"):
        text = "without --load_from_hdf5 upstream reads its pretraining buffer, not LIBERO"
        found.append(checks.failed("flags", text, "--set flags.load_from_hdf5=true"))
    if flags.get("dataset_type") != "finetune":
        text = "without --dataset_type finetune upstream looks for its pretraining data sets"
        found.append(checks.failed("flags", text, "--set flags.dataset_type=finetune"))
    if flags.get("gradient_checkpointing"):
        text = "upstream has no gradient checkpointing: its flag raises an error"
        found.append(checks.failed("flags", text, "--set flags.gradient_checkpointing=false"))
    if flags.get("resume_from_checkpoint"):
        text = "a new run has nothing to resume"
        found.append(checks.failed("flags", text, "forkctl runs resume RUN"))
    return found
