"""Launch robomimic's train.py: v0.5.0, the DROID fork of it, and the 0.3.0 release."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forkctl import checks
from forkctl.checkpoints.contents import Checkpoint
from forkctl.checks import Check
from forkctl.configs import Config, changed, get
from forkctl.environments.binding import Place
from forkctl.errors import UsageError
from forkctl.families.robomimic import config_checks
from forkctl.families.robomimic.class_names import check_class_names
from forkctl.families.robomimic.config import DIFFUSION, Dialect, data_value
from forkctl.family import Adopted, ConfigKeys, DataForm, Launcher, LogReader, Metric, RunInputs

_EPOCH = re.compile(r"(Train|Validation) Epoch (\d+)\s*$")
_FAILED = "run failed with error:"
_SHOWN = ("LOADING MODEL WEIGHTS", "Loading checkpoint with", "[Checkpoint Loading]", "[ObsUtils]")


class RobomimicLauncher(Launcher):
    packages = ("robomimic",)
    data_form = DataForm.ONE_FILE
    plain_weights = True
    keys = ConfigKeys(name="experiment.name", checkpoint="experiment.ckpt_path")
    transfers = True
    validator = Path(__file__).with_name("validate.py")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        diffusers = ("diffusers",) if dialect.algo == DIFFUSION else ()
        self.modules = ("torch", "torchvision", "h5py", "tensorboardX", *diffusers)
        self.modules += ("robomimic.config",)

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted:
        check_class_names(config, "the config")
        config_checks.check_forms(config)
        return super().adopt(config, words)

    def data_of(self, config: Config) -> tuple[str, ...]:
        data = get(config, "train.data")
        if isinstance(data, str):
            return (data,)
        entries = data if isinstance(data, list) else []
        return tuple(
            entry["path"] for entry in entries if isinstance(entry, dict) and "path" in entry
        )

    def with_data(self, config: Config, paths: Sequence[str]) -> Config:
        if len(paths) != 1 and not self.dialect.several_files:
            raise UsageError(
                f"{self.dialect.name} takes one data file, not {len(paths)}",
                hint="`forkctl data merge` makes one file that links to several",
            )
        return changed(config, "train", data=data_value(self.dialect, paths))

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        ready = changed(
            config,
            "train",
            data=data_value(self.dialect, [str(file) for file in inputs.files]),
            output_dir=str(inputs.folder / "upstream"),
        )
        # upstream asks on the terminal when its folder is there already; a run's folder is new
        ready = changed(ready, "experiment", name=inputs.name)
        return ready if inputs.steps is None else _limited(ready, inputs.steps)

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        if resume and not self.dialect.can_resume:
            raise UsageError(
                f"{self.dialect.name} cannot resume a run: its train.py has no --resume",
                hint="start a new run from the last checkpoint with --ckpt",
            )
        return ["--config", str(config_path), *(["--resume"] if resume else [])]

    def steps_of(self, config: Config) -> int | None:
        epochs = get(config, "train.num_epochs", 2000)
        steps = get(config, "experiment.epoch_every_n_steps", 100)
        return epochs * steps if isinstance(epochs, int) and isinstance(steps, int) else None

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Check]:
        return [
            *config_checks.check_values(config),
            *config_checks.check_keys(config, files),
            *config_checks.check_tracking(config, place),
        ]

    def checkpoint_checks(self, checkpoint: Checkpoint, config: Config) -> list[Check]:
        found = []
        cameras = set(get(checkpoint.config, "observation.modalities.obs.rgb") or ())
        strangers = sorted(set(get(config, "experiment.ckpt_key_map") or {}) - cameras)
        if cameras and strangers:
            text = f"ckpt_key_map names cameras that it does not have: {', '.join(strangers)}"
            hint = f"it has {', '.join(sorted(cameras))}; `forkctl config` --ckpt FILE maps them"
            found.append(checks.warning("checkpoint", text, hint))
        theirs = get(checkpoint.config, "observation.image_dim") or None
        ours = get(config, "observation.image_dim") or None
        if theirs and list(theirs) != list(ours or theirs):
            text = f"its images were {theirs[0]}x{theirs[1]}, the config resizes to {ours}"
            hint = f"--set observation.image_dim={list(theirs)}"
            found.append(checks.warning("checkpoint", text, hint))
        return found

    def bytes_written(self, config: Config) -> int:
        if not get(config, "experiment.save.enabled", True):
            saves = 0
        else:
            every = get(config, "experiment.save.every_n_epochs", 50)
            saves = int(get(config, "train.num_epochs", 2000)) // every if every else 0
        saves += 2 if self.dialect.saves_last else 0
        return saves * int(_parameters(config) * self.dialect.saved_bytes)

    def log_reader(self, config: Config) -> EpochReader:
        return EpochReader(get(config, "experiment.epoch_every_n_steps", 100))

    def worth_showing(self, line: str) -> bool:
        return line.startswith(_SHOWN)

    def describe(self, config_path: Path, out: Path) -> list[str] | None:
        module = "robomimic.forkctl_ext.describe"
        return ["-m", module, "--config", str(config_path), "--out", str(out)]

    def failure(self, log_tail: Sequence[str]) -> str | None:
        """train.py prints what went wrong as its last words, and exits with 0."""
        at = [number for number, line in enumerate(log_tail) if line.startswith(_FAILED)]
        said = [line for line in log_tail[at[-1] + 1 :] if line.strip()] if at else []
        return said[0].strip() if said else (_FAILED.rstrip(":") if at else None)

    def checkpoints(self, folder: Path) -> list[Path]:
        saved = [*folder.glob("upstream/*/*/models/*.pth"), *folder.glob("upstream/*/*/last.pth")]
        return sorted(saved, key=lambda path: path.stat().st_mtime)


class EpochReader(LogReader):
    """Reads `Train Epoch N` and the JSON object that follows it."""

    def __init__(self, steps_per_epoch: Any) -> None:
        self._steps = steps_per_epoch if isinstance(steps_per_epoch, int) else None
        self._head: tuple[str, int] | None = None
        self._body: list[str] = []

    def feed(self, line: str) -> Metric | None:
        found = _EPOCH.match(line.strip())
        if found:
            self._head, self._body = (found[1], int(found[2])), []
            return None
        if self._head is None:
            return None
        self._body.append(line)
        if line.rstrip() != "}":
            return None
        (kind, epoch), self._head = self._head, None
        try:
            values = json.loads("".join(self._body))
        except ValueError:
            return None
        return self._metric(kind, epoch, values)

    def _metric(self, kind: str, epoch: int, values: dict[str, Any]) -> Metric:
        metric: Metric = {"epoch": epoch}
        if self._steps is not None:
            metric["step"] = epoch * self._steps
        names = {"Loss": "loss", "Policy_Grad_Norms": "grad_norm"}
        metric.update({ours: values[theirs] for theirs, ours in names.items() if theirs in values})
        rate = next((value for key, value in values.items() if key.endswith("lr")), None)
        if rate is not None:
            metric["lr"] = rate
        return metric if kind == "Train" else {**metric, "split": "valid"}


def _limited(config: Config, steps: int) -> Config:
    """At least `steps` steps, in whole epochs; the last epoch is saved."""
    per_epoch = min(get(config, "experiment.epoch_every_n_steps", 100) or steps, steps)
    epochs = math.ceil(steps / per_epoch)
    ready = changed(config, "train", num_epochs=epochs)
    save = {**get(ready, "experiment.save", {})}
    if save.get("enabled", True):
        save["every_n_epochs"] = min(save.get("every_n_epochs") or epochs, epochs)
    return changed(ready, "experiment", epoch_every_n_steps=per_epoch, save=save)


def _parameters(config: Config) -> float:
    """A guess from the sizes of the networks: 142 M with two ResNet50 and the default UNet."""
    backbone = get(config, "observation.encoder.rgb.core_kwargs.backbone_class", "ResNet18Conv")
    cameras = get(config, "observation.modalities.obs.rgb") or []
    count = len(cameras) * (23.6e6 if "50" in backbone else 11.3e6)
    if config.get("algo_name") == DIFFUSION:
        widths = get(config, "algo.unet.down_dims", [256, 512, 1024])
        count += 95e6 * sum(width**2 for width in widths) / (256**2 + 512**2 + 1024**2)
    return float(count)
