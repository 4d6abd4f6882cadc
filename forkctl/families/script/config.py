"""A script's config: any file. One in JSON or YAML can be changed, any other is handed on as it is.

What forkctl itself is given (--data, --ckpt, --steps, --gpus) stands in a section of its own in the
run's config.json, which the script never sees.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forkctl.configs import Config, as_text, as_yaml, read_config, section
from forkctl.errors import ForkctlError, UsageError
from forkctl.forks.hashes import file_hash

OURS = "forkctl"
_FILE, _HASH, _UNREAD = "file", "sha256", "unread"
_PARSED = (".json", ".yaml", ".yml")


def read(path: Path) -> Config:
    if not path.is_file():
        raise UsageError("there is no such config", where=str(path))
    values, unread = _values_in(path)
    if OURS in values:
        raise UsageError(f"the section `{OURS}` of a config is forkctl's own", where=str(path))
    ours = {_FILE: str(path.absolute()), _HASH: file_hash(path)}
    return {**values, OURS: {**ours, **({_UNREAD: unread} if unread else {})}}


def _values_in(path: Path) -> tuple[Config, str | None]:
    """The values, or why there are none. That is not a mistake: it may be any file."""
    if path.suffix not in _PARSED:
        return {}, "it is not JSON or YAML"
    try:
        return read_config(path), None
    except UsageError as error:
        return {}, error.message


def own(config: Config) -> Config:
    """What is the script's."""
    return {name: value for name, value in config.items() if name != OURS}


def refuse_unread(config: Config, what: str) -> None:
    ours = section(config, OURS)
    if _UNREAD in ours:
        raise UsageError(f"{what} needs the config's values: {ours[_UNREAD]}", where=ours[_FILE])


def path_in(folder: Path, config: Config) -> Path:
    """Under another name than the record of the run, which is config.json."""
    return folder / f"script{Path(section(config, OURS)[_FILE]).suffix}"


def write(config: Config, folder: Path) -> None:
    """Into the run's folder: the file as it is, unless something in it was set."""
    source = Path(section(config, OURS)[_FILE])
    if not source.is_file() or file_hash(source) != section(config, OURS)[_HASH]:
        raise ForkctlError(
            "the config was changed while it was being checked",
            where=str(source),
            hint="run the same command again",
        )
    target, values = path_in(folder, config), own(config)
    if values == _values_in(source)[0]:
        shutil.copyfile(source, target)
    else:
        text = as_text(values) if source.suffix == ".json" else as_yaml(values)
        target.write_text(text, encoding="utf-8")


def as_flags(config: Config) -> Iterator[str]:
    """`--name value`; `--name` alone for true, nothing for false; deeper names with dots."""
    return _flags(own(config), "--")


def _flags(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flags(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield from (prefix + name, *map(str, value))
        elif value is True:
            yield prefix + name
        elif value is not None and value is not False:
            yield from (prefix + name, str(value))
