"""What a config asks for that upstream would find out late, or never: before a run."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config, get
from forkctl.environments.binding import Place
from forkctl.errors import UsageError

if TYPE_CHECKING:
    from forkctl.libero.files.reader import Demo

# What forkctl itself reads of a config; upstream's own types are asked of upstream (validate.py).
_FORMS: dict[str, tuple[type, str]] = {
    "train.num_epochs": (int, "a whole number"),
    "train.batch_size": (int, "a whole number"),
    "train.action_keys": (list, "a list"),
    "train.action_config": (dict, "a section"),
    "experiment.epoch_every_n_steps": (int, "a whole number"),
    "experiment.save": (dict, "a section"),
    "experiment.save.every_n_epochs": (int, "a whole number"),
    "experiment.ckpt_key_map": (dict, "a section"),
    "observation.image_dim": (list, "[height, width], or []"),
    "observation.modalities.obs.low_dim": (list, "a list"),
    "observation.modalities.obs.rgb": (list, "a list"),
    "observation.encoder.rgb.core_kwargs.backbone_class": (str, "a name"),
    "algo.unet.down_dims": (list, "a list"),
}
_COUNTS = ("train.num_epochs", "train.batch_size", "experiment.epoch_every_n_steps")
_NORMALISATIONS = ("min_max", "gaussian")


def check_forms(config: Config) -> None:
    """Refuse what the rest of this family could not read."""
    for path, (form, words) in _FORMS.items():
        value = get(config, path)
        if value is not None and (not isinstance(value, form) or isinstance(value, bool)):
            raise UsageError(
                f"{path} must be {words}, not {value!r:.60}",
                hint="`forkctl config FORK SUITE` shows the form",
            )
    size = get(config, "observation.image_dim")
    if size and not (len(size) == 2 and all(_is_count(length) for length in size)):
        raise UsageError(
            f"observation.image_dim must be [height, width], not {size!r:.60}",
            hint="--set observation.image_dim=[128,128]",
        )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def check_values(config: Config) -> Iterator[Check]:
    for path in _COUNTS:
        value = get(config, path)
        if value is not None and value < 1:
            yield checks.failed("config", f"{path} is {value}: nothing would be trained")
    settings = get(config, "train.action_config")
    if settings is None:
        return
    for key in get(config, "train.action_keys") or ["actions"]:
        if key not in settings:
            hint = f'--set train.action_config.{key}={{"normalization":"min_max"}}'
            yield checks.failed(
                "config", f"train.action_config does not say how to take {key}", hint
            )
            continue
        how = get(settings[key], "normalization")
        if how is not None and how not in _NORMALISATIONS:
            text = f"train.action_config.{key}.normalization is {how!r}"
            yield checks.failed("config", text, f"one of {', '.join(_NORMALISATIONS)}, or null")


def check_keys(config: Config, files: Sequence[Path]) -> list[Check]:
    """Does the first demo of each file hold what the config reads of it?"""
    from forkctl.libero.files.reader import open_demo_file

    absent: dict[tuple[str, str | None], list[Path]] = {}
    for path in files:
        with open_demo_file(path) as file:
            for demo in list(file)[:1]:
                for lack in _lacking(config, demo):
                    absent.setdefault(lack, []).append(path)
    return [
        checks.failed("data", f"{text}: {places[0].name}{_others(places)}", hint)
        for (text, hint), places in absent.items()
    ]


def _lacking(config: Config, demo: Demo) -> Iterator[tuple[str, str | None]]:
    for group in ("obs", "goal"):
        modalities = get(config, f"observation.modalities.{group}") or {}
        for kind, keys in modalities.items():
            for key in keys or ():
                if key not in demo.obs_keys:
                    where = f"observation.modalities.{group}.{kind}"
                    yield f"{where} wants {key}, which is not in obs", _hint(key, demo.obs_keys)
    there = demo.file.children(demo.name)
    for key in get(config, "train.action_keys") or ["actions"]:
        if key not in there:
            yield f"train.action_keys wants {key}, which no demo has", _hint(key, there)
    if get(config, "train.hdf5_load_next_obs") and "next_obs" not in there:
        hint = "--set train.hdf5_load_next_obs=false"
        yield "train.hdf5_load_next_obs is on, and there is no next_obs", hint


def _hint(key: str, there: Sequence[str]) -> str:
    if key == "object":
        return "`forkctl demos --layout low_dim` and `forkctl data synth --no-images` write it"
    close = difflib.get_close_matches(key, there, n=3, cutoff=0.5) or sorted(there)
    return f"there is {', '.join(close)}"


def _others(places: Sequence[Path]) -> str:
    return f" and {len(places) - 1} more" if len(places) > 1 else ""


def check_tracking(config: Config, place: Place | None) -> list[Check]:
    """wandb is in no lock: no run needs it, and it brings a login and a service of its own."""
    if not get(config, "experiment.logging.log_wandb") or place is None:
        return []
    if place.run_python(["-c", "import wandb"], cwd=Path("/")).returncode != 0:
        hint = f"uv pip install --python {place.environment.python} wandb, or "
        hint += "--set experiment.logging.log_wandb=false"
        return [checks.failed("wandb", "log_wandb is on, and the environment has no wandb", hint)]
    asked = "import robomimic.macros as m; raise SystemExit(m.WANDB_ENTITY is None)"
    if place.run_python(["-c", asked], cwd=Path("/")).returncode != 0:
        hint = f"write WANDB_ENTITY = 'YOU' in {place.tree}/robomimic/macros_private.py"
        return [checks.failed("wandb", "upstream logs for nobody: WANDB_ENTITY is None", hint)]
    return [checks.ok("wandb", "installed")]
