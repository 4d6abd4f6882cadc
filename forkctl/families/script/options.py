"""What forks.toml says of a training script: [fork.NAME.entrypoint.options].

Words may hold {config} and {out}, the script's config and the folder that it writes into. Those for
an option of forkctl's own hold its value too, and are used where it is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from forkctl.family import DataForm
from forkctl.forks.toml import TomlTable

Words = tuple[str, ...]
FLAGS = "{flags}"
# forkctl's own options that a script may take, and the form of the words for each
OWN = MappingProxyType(
    {
        "data": 'data = ["--data", "{data}"]',
        "ckpt": 'ckpt = ["--init", "{ckpt}"]',
        "steps": 'steps = ["--max-steps", "{steps}"]',
        "gpus": 'gpus = ["-m", "torch.distributed.run", "--nproc-per-node", "{gpus}"]',
    }
)
RESUME = 'resume = ["--resume", "{checkpoint}"]'
_LIBERO = {"files": DataForm.FILES, "joined": DataForm.ONE_FILE}
_HELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class ScriptOptions:
    arguments: Words = ("--config", "{config}")
    own: Mapping[str, Words] = field(default_factory=dict)  # the words for --data, --ckpt, …
    settings: Words = ()  # of the script's config, as --set has them
    resume: Words = ()
    checkpoints: str | None = None  # a pattern of paths, from {out}
    metrics: str | None = None  # patterns of lines, whose named groups are metrics
    valid_metrics: str | None = None
    module: str | None = None  # started by this name, for its relative imports
    packages: Words = ()  # must come from the fork's tree
    imports: Words = ()  # must import
    data_form: DataForm = DataForm.NONE
    in_tree: bool = False  # it starts in the fork's tree, not in {out}
    disk_gb: int = 0  # what a run's checkpoints take

    def takes(self, option: str) -> bool:
        return option in self.own or any(option in held(text) for text in self.settings)


def held(text: str) -> set[str]:
    """The names in braces."""
    return set(_HELD.findall(text))


def filled(text: str, values: Mapping[str, object]) -> str:
    return _HELD.sub(lambda name: str(values.get(name[1], name[0])), text)


def read_options(table: TomlTable) -> ScriptOptions:
    own = {option: _words(table, option, form, option) for option, form in OWN.items()}
    form = 'arguments = ["--config", "{config}", "--out", "{out}"]'
    options = ScriptOptions(
        arguments=_words(table, "arguments", form, absent=ScriptOptions.arguments),
        own={option: words for option, words in own.items() if words},
        settings=_settings(table),
        resume=_words(table, "resume", RESUME, "checkpoint"),
        checkpoints=table.path("checkpoints", 'checkpoints = "checkpoints/*.pt"', absent=None),
        metrics=_pattern(table, "metrics"),
        valid_metrics=_pattern(table, "valid_metrics"),
        module=table.take("module", str, 'module = "mine.train"', absent=None),
        packages=table.strings("packages", 'packages = ["mine"]', absent=()) or (),
        imports=table.strings("imports", 'imports = ["torch"]', absent=()) or (),
        data_form=_data_form(table),
        in_tree=table.take("in_tree", bool, "in_tree = true", absent=False),
        disk_gb=table.take("disk_gb", int, "disk_gb = 20", absent=0),
    )
    if options.data_form is not DataForm.NONE and not options.takes("data"):
        table.refuse("libero", "no key says how the script takes {data}", OWN["data"])
    return options


def _words(
    table: TomlTable, key: str, form: str, value: str | None = None, absent: Words = ()
) -> Words:
    """`value` is the one that these words may hold: another would not always be there, and reach
    the script as {data}, in letters."""
    words = table.strings(key, form, absent=absent) or ()
    for name in (*OWN, "checkpoint"):
        if name != value and any(name in held(word) for word in words):
            table.refuse(key, f"`{key}` cannot hold {{{name}}}", form)
    if value in OWN and words and not any(value in held(word) for word in words):
        table.refuse(key, f"`{key}` does not hold {{{value}}}", form)
    return words


def _settings(table: TomlTable) -> Words:
    form = 'set = ["train.output_dir={out}", "train.num_steps={steps}"]'
    settings = table.strings("set", form, absent=()) or ()
    for setting in settings:
        if not setting.partition("=")[0] or "=" not in setting:
            table.refuse("set", f"{setting!r} is not of the form a.b=c", form)
    return settings


def _pattern(table: TomlTable, key: str) -> str | None:
    form = rf"{key} = 'step (?P<step>\d+) loss (?P<loss>\S+)'"
    pattern: str | None = table.take(key, str, form, absent=None)
    if pattern is not None:
        try:
            names = re.compile(pattern).groupindex
        except re.error as error:
            table.refuse(key, f"is not a regular expression: {error}", form)
        if not names:
            table.refuse(key, "has no named group, which would be a metric", form)
    return pattern


def _data_form(table: TomlTable) -> DataForm:
    form = " or ".join(f'libero = "{name}"' for name in _LIBERO)
    name = table.take("libero", str, form, absent=None)
    if name is None:
        return DataForm.NONE
    if name not in _LIBERO:
        table.refuse("libero", f"{name!r} is not a form of data", form)
    return _LIBERO[name]
