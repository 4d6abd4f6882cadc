"""Start a script by the templates of forks.toml, and read what it prints by a pattern.

The config may be any file. One in JSON or YAML can be changed with --set; any other is handed on
as it is. What forkctl itself is told (data, checkpoint, steps) stands in a section of its own in
the run's config.json, which the script never sees.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from forkctl.configs import Config, as_text, as_yaml, changed, read_config, section
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import DataForm, Launcher, LogReader, Metric, Place, RunInputs
from forkctl.forks.manifest import Script

OURS = "forkctl"
_PARSED = (".json", ".yaml", ".yml")


class ScriptLauncher(Launcher):
    data_form = DataForm.NONE
    fills_variables = False  # ${NAME} may be the script's own

    def __init__(self, script: Script) -> None:
        self.script = script
        self.modules = script.imports

    def read(self, path: Path) -> Config:
        if not path.is_file():
            raise UsageError("there is no such config", where=str(path))
        values = read_config(path) if path.suffix in _PARSED else {}
        if OURS in values:
            raise UsageError(f"the section `{OURS}` of a config is forkctl's own", where=str(path))
        return {**values, OURS: {"file": str(path.absolute())}}

    def with_data(self, config: Config, paths: Sequence[str]) -> Config:
        (path,) = paths
        return self._told(config, "data", path)

    def with_checkpoint(self, config: Config, path: str) -> Config:
        return self._told(config, "ckpt", path)

    def rendered(self, config: Config, inputs: RunInputs) -> Config:
        return config if inputs.steps is None else self._told(config, "steps", str(inputs.steps))

    def prepare(self, config: Config, folder: Path, place: Place) -> None:
        """The script's own config: the file as it is, unless --set changed something in it."""
        source = Path(section(config, OURS)["file"])
        target = self._config_file(config, folder)
        values = {name: value for name, value in config.items() if name != OURS}
        if source.suffix not in _PARSED:
            if values:
                raise UsageError("--set needs a config in JSON or YAML", where=str(source))
            shutil.copyfile(source, target)
        elif values == read_config(source):
            shutil.copyfile(source, target)
        else:
            write = as_text if source.suffix == ".json" else as_yaml
            target.write_text(write(values), encoding="utf-8")

    def arguments(self, config: Config, config_path: Path, resume: bool) -> list[str]:
        told = section(config, OURS)
        folder = config_path.parent
        words = list(self.script.arguments)
        for option, template in self.script.options.items():
            words += template if option in told else ()
        values = {**told, "config": self._config_file(config, folder), "run": folder}
        if resume:
            words += self.script.resume
            values["checkpoint"] = self._last_checkpoint(folder)
        return [_filled(word, values) for word in words]

    def working_folder(self, folder: Path, tree: Path) -> Path:
        return tree if self.script.in_tree else folder

    def log_reader(self, config: Config) -> LogReader:
        return PatternReader(self.script.metrics) if self.script.metrics else LogReader()

    def checkpoints(self, folder: Path) -> list[Path]:
        if self.script.checkpoints is None:
            return []
        return sorted(folder.glob(self.script.checkpoints), key=lambda path: path.stat().st_mtime)

    def _told(self, config: Config, option: str, value: str) -> Config:
        if option not in self.script.options:
            raise UsageError(
                f"the script takes no --{option}",
                where="forks.toml",
                hint=f'say how: {option} = ["--flag", "{{{option}}}"] below [….entrypoint.script]',
            )
        return changed(config, OURS, **{option: value})

    def _config_file(self, config: Config, folder: Path) -> Path:
        """Under another name than the record of the run, which is config.json."""
        source = Path(section(config, OURS)["file"])
        return folder / f"script{source.suffix}"

    def _last_checkpoint(self, folder: Path) -> Path:
        if not self.script.resume:
            raise UsageError(
                "forks.toml does not say how the script resumes",
                where=str(folder),
                hint='resume = ["--resume", "{checkpoint}"] below [….entrypoint.script]',
            )
        saved = self.checkpoints(folder)
        if not saved:
            raise ForkctlError(
                "the run has saved no checkpoint yet",
                where=str(folder),
                hint="start a new run; `checkpoints` in forks.toml says where to look",
            )
        return saved[-1]


class PatternReader(LogReader):
    """Each named group of the pattern that is a number is a metric of that name."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def feed(self, line: str) -> Metric | None:
        found = self._pattern.search(line)
        if found is None:
            return None
        numbers = {name: _number(text) for name, text in found.groupdict().items()}
        return {name: value for name, value in numbers.items() if value is not None} or None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return int(value) if value.is_integer() and "." not in str(text) else value


def _filled(word: str, values: dict[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), word)
