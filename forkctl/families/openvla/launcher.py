"""Launch OpenVLA's own vla-scripts/finetune.py, and openvla-oft's as far as its flags agree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forkctl.checks import Check
from forkctl.configs import Config, changed, section, with_settings
from forkctl.environments.binding import Place
from forkctl.errors import UsageError
from forkctl.families.openvla.checks import MEASURED, bytes_written, check, is_hub_id
from forkctl.families.openvla.config import check_sections
from forkctl.families.torchrun import processes_of, torchrun
from forkctl.family import Adopted, ConfigKeys, Launcher, RunInputs
from forkctl.inside.sidecar import whole_checkpoints
from forkctl.places import expanded

OPTIONS, RESUMING = "options.json", "options-resume.json"
_SHOWN = ("Saved ", "Saving ", "Resuming ", "trainable params:", "[forkctl]")
_SAID = "forkctl: "  # what the overlay leaves with


class OpenVLALauncher(Launcher):
    packages = ("prismatic", "forkctl_openvla")
    modules = ("torch", "torchvision", "transformers", "peft", "timm", "draccus", "h5py")
    plain_weights = True
    keys = ConfigKeys(
        name="name",
        data="forkctl.dataset.data",
        checkpoint="flags.vla_path",
        steps="flags.max_steps",
        processes="processes",
        batch="flags.batch_size",
        accumulation="flags.grad_accumulation_steps",
    )
    validator = Path(__file__).with_name("validate.py")

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted:
        """Flags after -- count as if they stood in the config: they are judged with the rest."""
        check_sections(config)
        return Adopted(with_settings(config, _as_settings(words)), ())

    def checkpoint_of(self, config: Config) -> str | None:
        """The folder, where it is one: a name on a hub is upstream's to find."""
        path = super().checkpoint_of(config)
        return None if path is None or is_hub_id(path) else path

    def steps_of(self, config: Config) -> int | None:
        """Epochs take the place of max_steps, and are counted by the run."""
        epochs = section(config, "forkctl.training").get("epochs")
        return super().steps_of(config) if epochs is None else None

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        out = inputs.folder / "upstream"
        ready = self.with_data(config, [str(file) for file in inputs.files])
        statistics = section(config, "forkctl.dataset").get("statistics", "computed")
        if statistics not in MEASURED:  # a file, and the run starts elsewhere
            place = str(expanded(Path(str(statistics))).absolute())
            ready = changed(ready, "forkctl.dataset", statistics=place)
        own: dict[str, Any] = {
            "data_root_dir": str(inputs.files[0].parent),
            "run_root_dir": str(out),
            "adapter_tmp_dir": str(out / "adapters"),
        }
        path = self.checkpoint_of(config)
        if path is not None:
            own["vla_path"] = str(expanded(Path(path)).absolute())
        if inputs.steps is not None:
            every = section(config, "flags").get("save_steps", inputs.steps)
            own |= {"max_steps": inputs.steps, "save_steps": min(every, inputs.steps)}
            ready = changed(ready, "forkctl.training", epochs=None)
        return changed(ready, "flags", **own)

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Check]:
        return check(config, files)

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        """The options of forkctl's own, once for a start and once for going on."""
        options = section(config, "forkctl")
        training = {**section(config, "forkctl.training"), "resume": "auto"}
        for name, content in (
            (OPTIONS, options),
            (RESUMING, {**options, "training": training}),
        ):
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def wrapper(self, config: Config) -> list[str]:
        processes = processes_of(config)
        return [] if processes == 1 else torchrun(processes)

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        """Every value as a flag: the command that is shown and recorded says all of it."""
        options = config_path.with_name(RESUMING if resume else OPTIONS)
        words = ["--forkctl", str(options)]
        for name, value in section(config, "flags").items():
            if value is not None:
                words += [f"--{name}", str(value)]
        return words

    def bytes_written(self, config: Config) -> int:
        return bytes_written(config)

    def worth_showing(self, line: str) -> bool:
        return line.startswith(_SHOWN)

    def failure(self, log_tail: Sequence[str]) -> str | None:
        said = [line for line in log_tail if line.startswith(_SAID)]
        return said[-1].removeprefix(_SAID) if said else None

    def checkpoints(self, folder: Path) -> list[Path]:
        runs = (whole_checkpoints(run, "step-") for run in folder.glob("upstream/*"))
        return [saved for run in runs for saved in run.values()]


def _as_settings(words: Sequence[str]) -> list[str]:
    """`--batch_size 2` and `--batch_size=2`, as they are typed after --."""
    rest, settings = list(words), []
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name or not (equals or rest):
            raise UsageError(
                f"{word!r} is not a flag with a value",
                hint="after -- stand flags of finetune.py: --batch_size 2",
            )
        settings.append(f"flags.{name}={value if equals else rest.pop(0)}")
    return settings
