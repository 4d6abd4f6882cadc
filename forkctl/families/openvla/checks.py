"""What must hold before OpenVLA trains: the checkpoint is one, and the statistics are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config, section
from forkctl.families.openvla.config import check_sections
from forkctl.libero.files.reader import open_demo_file
from forkctl.places import expanded
from forkctl.reading import read_json, reason

MEASURED = ("computed", "published")  # statistics that are not a file
PUBLISHED_SIDE = 256  # pixels, of the data that upstream regenerated
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_NEEDED = ("config.json", "preprocessor_config.json", "tokenizer_config.json")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_MODEL_BYTES = 15.1e9  # of the 7B model in bfloat16
_LORA_PARAMETERS = {"all-linear": 110.7e6, "attention": 33.6e6}  # of the 7B model, at rank 32
_LORA_BYTES = 4 + 8  # a float32 weight and the two moments of its optimizer


def is_hub_id(path: str) -> bool:
    """`openvla/openvla-7b`, and not a folder of that name here."""
    return _HUB_ID.fullmatch(path) is not None and not Path(path).exists()


def check(config: Config, files: Sequence[Path]) -> list[Check]:
    check_sections(config)
    return [*_checkpoint(config), *_statistics(config), *_frames(config, files), *_flags(config)]


def _frames(config: Config, files: Sequence[Path]) -> list[Check]:
    """Fewer pixels train, too, and have less to show."""
    if not files:
        return []
    camera = section(config, "forkctl.dataset").get("camera", "agentview_rgb")
    with closing(open_demo_file(files[0])) as file:
        side = min(file.extent(f"{next(iter(file)).name}/obs/{camera}").shape[1:3])
    if side >= PUBLISHED_SIDE:
        return [checks.ok("frames", f"{side} px")]
    text = f"{side} px; the frames behind upstream's success rates have {PUBLISHED_SIDE}"
    hint = "docs/openvla.md says how such files are made; rollouts show as many as were trained on"
    return [checks.warning("frames", text, hint)]


def _checkpoint(config: Config) -> list[Check]:
    path = section(config, "flags").get("vla_path")
    if not isinstance(path, str) or not path:
        return [checks.failed("checkpoint", "flags.vla_path names none", "--ckpt FOLDER")]
    if is_hub_id(path):
        return [checks.warning("checkpoint", f"{path}: upstream fetches it (15 GB)")]
    folder = Path(path)
    if not folder.is_dir():
        hint = "name its folder with --ckpt, or a hub's id with --set flags.vla_path=…"
        return [checks.failed("checkpoint", f"{folder}: there is no such folder", hint)]
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any(file for pattern in _WEIGHTS for file in folder.glob(pattern)):
        missing.append("its weights")
    if missing:
        text = f"{folder} lacks {', '.join(missing)}"
        if (folder / "adapter_config.json").is_file():
            hint = "this is a LoRA adapter: go on with `forkctl runs resume`, or merge it"
            return [checks.failed("checkpoint", text, hint)]
        return [checks.failed("checkpoint", text, "it must be an OpenVLA as its hub has it")]
    try:
        model = read_json(folder / "config.json")
    except (OSError, ValueError) as error:
        return [checks.failed("checkpoint", f"{folder / 'config.json'}: {reason(error)}")]
    return _kind(folder, model)


def _kind(folder: Path, model: dict[str, Any]) -> list[Check]:
    kind = model.get("model_type")
    if kind != "openvla":
        hint = "weights of prismatic's own form are converted by upstream's vla-scripts/extern"
        return [checks.failed("checkpoint", f"{folder} is of the type {kind!r}", hint)]
    found = [checks.ok("checkpoint", f"{folder.name}: an OpenVLA")]
    if model.get("auto_map"):
        text = "it brings modelling code of its own (auto_map); that runs, not the fork's"
        found.append(checks.warning("checkpoint", text))
    return found


def _statistics(config: Config) -> list[Check]:
    wanted = section(config, "forkctl.dataset").get("statistics", "computed")
    key = section(config, "flags").get("dataset_name")
    if not key:
        hint = "--set flags.dataset_name=libero_spatial; evaluation calls it unnorm_key"
        return [checks.failed("statistics", "flags.dataset_name names none", hint)]
    if wanted == "computed":
        return [checks.ok("statistics", f"computed from the data, as {key}")]
    if wanted == "published":
        return [_published(str(key))]
    path = expanded(Path(str(wanted)))
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        hint = "`forkctl data stats PATH --write dataset_statistics.json` makes one"
        return [checks.failed("statistics", f"{path}: {reason(error)}", hint)]
    if not isinstance(content, dict) or key not in content:
        text = f"{path} holds nothing under {key!r}, but {', '.join(sorted(content))}"
        return [checks.failed("statistics", text, "--set flags.dataset_name=…")]
    return [checks.ok("statistics", f"{path.name}, {key}")]


def _published(key: str) -> Check:
    from forkctl.libero.units.published import published

    known = published()
    entry = known.get(key) or known.get(key.removesuffix("_no_noops"))
    if entry is None or not entry.complete:
        complete = sorted(name for name, each in known.items() if each.complete)
        return checks.failed(
            "statistics",
            f"none are published for {key}",
            f"published: {', '.join(complete)}; or --set forkctl.dataset.statistics=computed",
        )
    return checks.ok("statistics", f"published, of {entry.suite}")


def _flags(config: Config) -> list[Check]:
    flags = section(config, "flags")
    for key in ("dataset_name", "run_id_note"):
        if set(str(flags.get(key) or "")) & set("/\\"):
            text = f"flags.{key} becomes part of a folder's name, and is {flags[key]!r}"
            return [checks.failed("config", text, "choose one without / and \\")]
    return [*_quantised(config), *_course(config)]


def _quantised(config: Config) -> list[Check]:
    if not section(config, "flags").get("use_quantization"):
        return []
    training = section(config, "forkctl.training")
    if training.get("precision", "bf16") != "bf16":
        text = "upstream computes in bfloat16 with use_quantization"
        return [checks.failed("config", text, "--set forkctl.training.precision=bf16")]
    text = "use_quantization needs bitsandbytes in the environment"
    found = [checks.warning("config", text, "--with bitsandbytes")]
    if training.get("merge", "end") != "never":
        text = "nothing is merged into four bits: each checkpoint holds the adapter"
        found.append(checks.warning("config", text, "`forkctl ckpt merge` merges one afterwards"))
    return found


def _course(config: Config) -> list[Check]:
    """What lasts how long, and is looked at when."""
    training = section(config, "forkctl.training")
    found = []
    if (epochs := training.get("epochs")) is not None:
        text = f"{epochs} epochs are trained, whatever flags.max_steps says"
        found.append(checks.ok("length", text))
    elif (training.get("warmup_steps") or 0) >= section(config, "flags").get("max_steps", 200_000):
        text = "the learning rate rises to the end: warmup_steps is no less than max_steps"
        found.append(checks.warning("config", text, "--set forkctl.training.warmup_steps=…"))
    if training.get("eval_steps") and not section(config, "forkctl.dataset").get("holdout"):
        text = "eval_steps asks about held-out demos, and none is held out"
        found.append(checks.failed("config", text, "--set forkctl.dataset.holdout=5"))
    return found


def bytes_written(config: Config) -> int:
    """Adapters with their optimizer at each save; merged weights as often as they are asked for."""
    flags, training = section(config, "flags"), section(config, "forkctl.training")
    steps, every = flags.get("max_steps", 200_000), flags.get("save_steps", 5000) or 1
    saves = -(-steps // every)
    model = _model_bytes(str(flags.get("vla_path", "")))
    if not flags.get("use_lora", True):
        kept = 1 if flags.get("save_latest_checkpoint_only", True) else saves
        return int(kept * model * 7)  # bfloat16 weights, and moments in float32
    targets = training.get("lora_targets", "all-linear")
    share = _LORA_PARAMETERS.get(targets if isinstance(targets, str) else "", 110.7e6)
    adapter = share * flags.get("lora_rank", 32) / 32 * _LORA_BYTES * model / _MODEL_BYTES
    merges = {"never": 0, "end": 1}.get(training.get("merge", "end"), saves)
    kept = 1 if flags.get("save_latest_checkpoint_only", True) else saves
    return int(kept * adapter + min(merges, kept) * model)


def _model_bytes(path: str) -> float:
    """Of the checkpoint itself, where it lies here."""
    folder = Path(path)
    sizes = [file.stat().st_size for pattern in _WEIGHTS for file in folder.glob(pattern)]
    return float(sum(sizes)) or _MODEL_BYTES
