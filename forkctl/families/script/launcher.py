"""Start a script by the templates of forks.toml, and read what it prints by a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config, changed, section, with_settings
from forkctl.environments.binding import Place
from forkctl.errors import ForkctlError, UsageError
from forkctl.families.script import config as script_config
from forkctl.families.script.config import OURS
from forkctl.families.script.metrics import PatternReader
from forkctl.families.script.options import FLAGS, OWN, RESUME, ScriptOptions, filled, held
from forkctl.family import Adopted, ConfigKeys, DataForm, Launcher, LogReader, RunInputs


class ScriptLauncher(Launcher):
    keys = ConfigKeys(
        data=f"{OURS}.data",
        checkpoint=f"{OURS}.ckpt",
        steps=f"{OURS}.steps",
        processes=f"{OURS}.gpus",
    )
    fills_variables = False  # ${NAME} may be the script's own
    checks_imports = True

    def __init__(self, options: ScriptOptions) -> None:
        self.options = options
        self.packages = options.packages
        self.modules = options.imports
        self.data_form = options.data_form

    def read(self, path: Path) -> Config:
        return script_config.read(path)

    def adopt(self, config: Config, words: Sequence[str]) -> Adopted:
        if script_config.own(config):
            script_config.refuse_unread(config, "--set")
        return super().adopt(config, words)

    def with_data(self, config: Config, paths: Sequence[str]) -> Config:
        (path,) = paths
        return self._given(config, "data", path)

    def with_checkpoint(self, config: Config, path: str) -> Config:
        return self._given(config, "ckpt", path)

    def with_processes(self, config: Config, processes: int) -> Config:
        return self._given(config, "gpus", processes)

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        if inputs.steps is not None:
            config = self._given(config, "steps", inputs.steps)
        if self.data_form is DataForm.ONE_FILE:
            config = self._given(config, "data", str(inputs.files[0]))
        values = self._values(config, inputs.folder)
        absent = OWN.keys() - values.keys()
        settings = [text for text in self.options.settings if not held(text) & absent]
        if settings:
            script_config.refuse_unread(config, "`set` in forks.toml")
        if FLAGS in self.options.arguments:
            script_config.refuse_unread(config, f"{FLAGS} in forks.toml")
        return with_settings(config, [filled(text, values) for text in settings])

    def checks(self, config: Config, files: Sequence[Path], place: Place | None) -> list[Check]:
        given = section(config, OURS)
        return [
            checks.failed(subject, f"{given[option]}: no such file or folder")
            for subject, option in (("data", "data"), ("checkpoint", "ckpt"))
            if option in given and not Path(given[option]).exists()
        ]

    def bytes_written(self, config: Config) -> int:
        return self.options.disk_gb * 10**9

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        script_config.write(config, folder)
        _out(folder).mkdir()

    def program(self, script: Path) -> list[str]:
        module = self.options.module
        return super().program(script) if module is None else ["-m", module]

    def wrapper(self, config: Config) -> list[str]:
        given = section(config, OURS)
        words = self.options.own.get("gpus", ()) if "gpus" in given else ()
        return [filled(word, given) for word in words]

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        values = self._values(config, config_path.parent)
        words: list[str] = []
        for word in self.options.arguments:
            words += script_config.as_flags(config) if word == FLAGS else [word]
        for option, template in self.options.own.items():
            words += template if option in values and option != "gpus" else ()
        if resume:
            words += self._resuming()
            if any("checkpoint" in held(word) for word in words):
                values["checkpoint"] = self._last_checkpoint(config_path.parent)
        return [filled(word, values) for word in words]

    def working_folder(self, folder: Path, tree: Path) -> Path:
        return tree if self.options.in_tree else _out(folder)

    def log_reader(self, config: Config) -> LogReader:
        return PatternReader(self.options.metrics, self.options.valid_metrics)

    def checkpoints(self, folder: Path) -> list[Path]:
        if self.options.checkpoints is None:
            return []
        found = _out(folder).glob(self.options.checkpoints)
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def _given(self, config: Config, option: str, value: Any) -> Config:
        if not self.options.takes(option):
            raise UsageError(
                f"the script takes no --{option}",
                where="forks.toml",
                hint=f"say how below [fork.NAME.entrypoint.options]: {OWN[option]}",
            )
        return changed(config, OURS, **{option: value})

    def _values(self, config: Config, folder: Path) -> dict[str, Any]:
        given = {name: value for name, value in section(config, OURS).items() if name in OWN}
        return {**given, "config": script_config.path_in(folder, config), "out": _out(folder)}

    def _resuming(self) -> tuple[str, ...]:
        if not self.options.resume:
            raise UsageError(
                "forks.toml does not say how the script resumes",
                where="forks.toml",
                hint=f"say how below [fork.NAME.entrypoint.options]: {RESUME}",
            )
        return self.options.resume

    def _last_checkpoint(self, folder: Path) -> Path:
        saved = self.checkpoints(folder)
        if not saved:
            raise ForkctlError(
                "the run has saved no checkpoint yet",
                where=str(folder),
                hint="start a new run; `checkpoints` in forks.toml says where they are looked for",
            )
        return saved[-1]


def _out(folder: Path) -> Path:
    """What the script writes lies apart: it may well write a config.json or a log.txt, too."""
    return folder / "upstream"
