"""Launch OpenVLA's own vla-scripts/finetune.py, and openvla-oft's as far as its flags agree."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forkctl.checks import Finding
from forkctl.configs import with_settings
from forkctl.errors import UsageError
from forkctl.families.openvla import checks as openvla_checks
from forkctl.families.openvla import config as native
from forkctl.families.openvla.config import section
from forkctl.families.torchrun import NoReader, processes_of, torchrun
from forkctl.family import Adopted, Config, ConfigRequest, LogReader, Place, RunInputs

OPTIONS, RESUMING = "options.json", "options-resume.json"
_SHOWN = ("Saved ", "Saving ", "Resuming ", "trainable params:", "[forkctl]")


@dataclass(frozen=True)
class OpenVLALauncher:
    packages = ("prismatic", "forkctl_openvla")
    modules = ("torch", "torchvision", "transformers", "peft", "timm", "draccus", "h5py")
    wants_one_file = False
    transfers = False
    header = native.HEADER

    @property
    def choices(self) -> Mapping[str, tuple[str, ...]]:
        return {"preset": native.PRESETS}

    @property
    def validator(self) -> Path:
        return Path(__file__).with_name("openvla_validate.py")

    def generate(self, request: ConfigRequest) -> Config:
        return native.generate(request)

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted:
        """Flags after -- count as if they stood in the config: they are judged with the rest."""
        native.check_sections(config)
        return Adopted(with_settings(config, _as_settings(words)), ())

    def name_of(self, config: Config) -> str | None:
        name = config.get("name")
        return str(name) if name else None

    def data_of(self, config: Config) -> tuple[str, ...]:
        data = section(config, "forkctl", "dataset").get("data", [])
        return (data,) if isinstance(data, str) else tuple(data)

    def with_data(self, config: Config, paths: Sequence[str]) -> Config:
        return _changed(config, ("forkctl", "dataset"), data=list(paths))

    def checkpoint_of(self, config: Config) -> str | None:
        """The folder, where it is one: a name on a hub is upstream's to find."""
        path = section(config, "flags").get("vla_path")
        return path if isinstance(path, str) and not openvla_checks.is_hub_id(path) else None

    def with_checkpoint(self, config: Config, path: str) -> Config:
        return _changed(config, ("flags",), vla_path=path)

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        out = inputs.folder / "upstream"
        ready = self.with_data(config, [str(file) for file in inputs.files])
        statistics = section(config, "forkctl", "dataset").get("statistics", "computed")
        if statistics not in openvla_checks.MEASURED:  # a file, and the run starts elsewhere
            place = str(Path(str(statistics)).expanduser().absolute())
            ready = _changed(ready, ("forkctl", "dataset"), statistics=place)
        own: dict[str, Any] = {
            "data_root_dir": str(inputs.files[0].parent),
            "run_root_dir": str(out),
            "adapter_tmp_dir": str(out / "adapters"),
        }
        path = self.checkpoint_of(config)
        if path is not None:
            own["vla_path"] = str(Path(path).expanduser().absolute())
        if inputs.steps is not None:
            every = section(config, "flags").get("save_steps", inputs.steps)
            own |= {"max_steps": inputs.steps, "save_steps": min(every, inputs.steps)}
        return _changed(ready, ("flags",), **own)

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Finding]:
        return openvla_checks.check(config, files)

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        """The options of forkctl's own, once for a start and once for going on."""
        options = section(config, "forkctl")
        training = {**section(config, "forkctl", "training"), "resume": "auto"}
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

    def steps_of(self, config: Config) -> int | None:
        steps = section(config, "flags").get("max_steps")
        return steps if isinstance(steps, int) else None

    def bytes_written(self, config: Config) -> int:
        return openvla_checks.bytes_written(config)

    def log_reader(self, config: Config) -> LogReader:
        return NoReader()

    def worth_showing(self, line: str) -> bool:
        return line.startswith(_SHOWN)

    def describe(self, config_path: Path, out: Path) -> list[str] | None:
        return None

    def failure(self, log_tail: Sequence[str]) -> str | None:
        return None

    def checkpoints(self, folder: Path) -> list[Path]:
        saved = [path.parent for path in folder.glob("upstream/*/step-*/forkctl.json")]
        return sorted(saved, key=lambda path: path.name)


def _as_settings(words: Sequence[str]) -> list[str]:
    """`--batch_size 2` and `--batch_size=2`, as they are typed after --."""
    rest, settings = list(words), []
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name or not (equals or rest):
            raise UsageError(
                f"{word!r} is no flag with a value",
                hint="after -- stand flags of finetune.py: --batch_size 2",
            )
        settings.append(f"flags.{name}={value if equals else rest.pop(0)}")
    return settings


def _changed(config: Config, path: tuple[str, ...], **values: Any) -> Config:
    """A copy of the config with values set in one of its sections."""
    section(config, *path)  # refuses a section that is none
    result = copy.deepcopy(config)
    place = result
    for name in path:
        if place.get(name) is None:
            place[name] = {}
        place = place[name]
    place.update(values)
    return result
