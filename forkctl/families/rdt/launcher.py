"""Launch RDT's main.py on LIBERO files.

The run's folder is upstream's working directory. All paths in upstream are relative to that, so the
run has its own configs/ there, upstream's entries and its own, and nothing in the tree is changed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forkctl.checks import Check
from forkctl.configs import Config, changed, section
from forkctl.environments.binding import Place
from forkctl.families.rdt import flags as rdt_flags
from forkctl.families.rdt import folder as run_folder
from forkctl.families.rdt.checks import check
from forkctl.families.rdt.config import check_sections, is_path
from forkctl.families.rdt.epochs import steps_to_train_on, updates_per_epoch
from forkctl.families.torchrun import processes_of, torchrun
from forkctl.family import Adopted, ConfigKeys, Launcher, RunInputs
from forkctl.inside.sidecar import whole_checkpoints
from forkctl.libero.alignment import AUTO

_SHOWN = ("Loading weights", "Resuming", "Checkpoint '", "[forkctl]")
# of each saved parameter: weights twice, their average, two moments of the optimizer, in float32
_BYTES_SAVED = 20


class RdtLauncher(Launcher):
    packages = ("train", "models", "data", "configs", "forkctl_rdt")
    modules = ("torch", "torchvision", "diffusers", "transformers", "accelerate", "timm", "imgaug")
    plain_weights = True
    keys = ConfigKeys(
        name="name",
        data="forkctl.files",
        checkpoint="flags.pretrained_model_name_or_path",
        steps="flags.max_train_steps",
        processes="processes",
        batch="flags.train_batch_size",
        accumulation="flags.gradient_accumulation_steps",
    )
    validator = Path(__file__).with_name("validate.py")

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted:
        """All words are upstream's flags, and stand in the config: so the record has them, and
        what is said of one holds wherever it was written."""
        check_sections(config)
        understood = rdt_flags.understood(section(config, "flags"), rdt_flags.from_words(words))
        adopted = {**copy.deepcopy(config), "flags": understood.flags, **understood.elsewhere}
        return Adopted(adopted, (), understood.checks)

    def checkpoint_of(self, config: Config) -> str | None:
        """A path. Anything else is the name of a model on the hub, which upstream fetches."""
        given = super().checkpoint_of(config)
        return given if given is not None and is_path(given) else None

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        flags = run_folder.own_flags(config)
        if inputs.steps is not None:
            flags = _limited(flags, inputs.steps)
        elif flags.get("num_train_epochs") and "train_batch_size" in flags:
            flags = self._counted(flags, config, inputs.files)
        ready = changed(config, "forkctl", **run_folder.own_places(config, inputs))
        return {**ready, "name": inputs.name, "flags": flags}

    def _counted(self, flags: Config, config: Config, files: Sequence[Path]) -> Config:
        """In steps, which everybody asks for: how far a run is, what it will write."""
        options = section(config, "forkctl")
        steps = steps_to_train_on(
            files, options.get("alignment", AUTO), int(options.get("holdout", 0))
        )
        batch = int(flags["train_batch_size"]) * int(flags.get("gradient_accumulation_steps") or 1)
        updates = updates_per_epoch(steps, batch * self.processes_of(config))
        counted = {**flags, "max_train_steps": int(flags["num_train_epochs"]) * updates}
        del counted["num_train_epochs"]
        return counted

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Check]:
        return check(config, files, place)

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        run_folder.lay_out(config, folder, place)

    def wrapper(self, config: Config) -> list[str]:
        processes = processes_of(config)
        # accelerate leaves DeepSpeed out, without a word, where no launcher started the process
        alone = processes == 1 and not section(config, "flags").get("deepspeed")
        return [] if alone else torchrun(processes)

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        flags = run_folder.final_flags(config, config_path.parent)
        if resume:
            flags["resume_from_checkpoint"] = "latest"  # the tree takes the last whole one
        return rdt_flags.to_words(flags)

    def bytes_written(self, config: Config) -> int:
        flags = section(config, "flags")
        steps = int(flags.get("max_train_steps") or 0)
        saves = steps // int(flags.get("checkpointing_period") or 500)
        kept = flags.get("checkpoints_total_limit")
        saves = saves if kept is None else min(saves, int(kept))
        return (saves + 1) * int(_parameters(config) * _BYTES_SAVED)

    def worth_showing(self, line: str) -> bool:
        return any(word in line for word in _SHOWN)

    def checkpoints(self, folder: Path) -> list[Path]:
        return list(whole_checkpoints(folder / "upstream", "checkpoint-").values())


def _limited(flags: dict[str, Any], steps: int) -> dict[str, Any]:
    """So many steps, the last of which is saved."""
    period = min(int(flags.get("checkpointing_period") or 500), steps)
    rest = {name: value for name, value in flags.items() if name != "num_train_epochs"}
    return {**rest, "max_train_steps": steps, "checkpointing_period": period}


def _parameters(config: Config) -> float:
    """A guess: ten squares of the width for each block, 1.2 billion in the published model."""
    sizes = section(config, "upstream.model.rdt")
    return float(10 * sizes.get("depth", 28) * sizes.get("hidden_size", 2048) ** 2)
