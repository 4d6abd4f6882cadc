"""Configs, JSON or YAML: read them, change values in them, fill in ${VARIABLES}."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forkctl.errors import UsageError
from forkctl.reading import read_text

Config = dict[str, Any]
_FORM = "`forkctl config FORK SUITE -o FILE` makes one; configs/ has ready ones"
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Variables that say where something lies; of any other a config could only make a secret known.
_PLACE = re.compile(r"HOME|USER|TMPDIR|SCRATCH|WORK|\w*_(DATA|CKPT|DIR|FOLDER|HOME|PATH|ROOT)")


def read_config(path: Path) -> Config:
    try:
        text = read_text(path)
    except OSError as error:
        raise UsageError(
            f"cannot read the config: {error.strerror}",
            where=str(path),
            hint=_FORM,
        ) from None
    try:
        config = _parsed(path, text)
        _check_values(config, path)
    except RecursionError:
        raise UsageError("the config is nested too deep", where=str(path), hint=_FORM) from None
    if not isinstance(config, dict):
        raise UsageError(
            "the config does not consist of keys and values", where=str(path), hint=_FORM
        )
    return config


def _parsed(path: Path, text: str) -> Any:
    if path.suffix not in (".yaml", ".yml"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise UsageError(
                f"the config is not JSON: {error}", where=str(path), hint=_FORM
            ) from None
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"the config is not YAML: {error}", where=str(path), hint=_FORM) from None


_MOST_VALUES = 100_000  # the longest config that is shipped has 300


def _check_values(config: Any, path: Path) -> None:
    """YAML has values that JSON does not, and aliases that make gigabytes of a few lines."""
    pending = [("", config)]
    for _ in range(_MOST_VALUES):
        if not pending:
            return
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{name}.{key}".lstrip("."), each) for key, each in value.items()]
        elif isinstance(value, list):
            pending += [(name, each) for each in value]
        elif not isinstance(value, (str, int, float, type(None))):
            raise UsageError(
                f"`{name}` is neither text nor a number, but {type(value).__name__}",
                where=str(path),
                hint=f'put it in quotes: "{value}"',
            )
    raise UsageError("the config has too many values, or holds itself", where=str(path), hint=_FORM)


def write_config(path: Path, config: Config) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(config), encoding="utf-8")


def as_text(config: Config) -> str:
    return json.dumps(config, indent=4) + "\n"


def as_yaml(config: Config) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, width=100)


def with_settings(config: Config, settings: Sequence[str]) -> Config:
    """The config with each `a.b=c` set; c is JSON, or else a plain string."""
    result = copy.deepcopy(config)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise UsageError(f"{setting!r} is not of the form a.b=c", hint="--set train.seed=3")
        *parents, last = path.split(".")
        place: Any = result
        for key in parents:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise UsageError(
                    f"{key} holds a value, not more keys",
                    where=f"--set {path}",
                    hint=f"--set {key}=… replaces the value",
                )
        place[last] = _value(text)
    return result


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def get(config: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path, or the default where it is not written."""
    place: Any = config
    for key in path.split("."):
        if not isinstance(place, Mapping) or key not in place:
            return default
        place = place[key]
    return place


def with_value(config: Config, path: str, value: Any) -> Config:
    """The config with the value at a dotted path."""
    *parents, last = path.split(".")
    return changed(config, ".".join(parents), **{last: value})


def section(config: Config, path: str) -> dict[str, Any]:
    """The mapping at a dotted path; an absent one is empty, and so is the path to the config."""
    found: Any = config
    names = path.split(".") if path else []
    for depth, name in enumerate(names):
        found = found.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict):
            where = ".".join(names[: depth + 1])
            raise UsageError(
                f"the section `{where}` does not consist of keys and values",
                hint="`forkctl config FORK SUITE` shows the form",
            )
    return dict(found)


def changed(config: Config, path: str, **values: Any) -> Config:
    """A copy of the config with values set in one of its sections."""
    section(config, path)  # refuses what is not a section
    result = copy.deepcopy(config)
    place = result
    for name in path.split(".") if path else ():
        if place.get(name) is None:
            place[name] = {}
        place = place[name]
    place.update(values)
    return result


def variables_in(config: Any) -> set[str]:
    """The names of all ${VARIABLES}."""
    return {name for text in _texts(config) for name in _VARIABLE.findall(text)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def resolved(config: Config, given: Mapping[str, str], where: str) -> Config:
    """The config with its ${VARIABLES} filled in, by what was given, else by the environment."""
    names = variables_in(config)
    if others := sorted(name for name in names - set(given) if not _PLACE.fullmatch(name)):
        raise UsageError(
            f"${{{others[0]}}} is not filled in: its name is not that of a place",
            where=where,
            hint="name the variable NAME_DATA, NAME_CKPT or NAME_DIR, or give the value with --set",
        )
    values = {name: given.get(name) or os.environ.get(name) or "" for name in sorted(names)}
    missing = [name for name, value in values.items() if not value]
    if missing:
        flags = {"LIBERO_DATA": "--data"}
        ways = [
            f"export {name}=…" + (f" or {flags.get(name, '--ckpt')} PATH" if _flag(name) else "")
            for name in missing
        ]
        raise UsageError(
            f"no value for {', '.join(f'${{{name}}}' for name in missing)}",
            where=where,
            hint="; ".join(ways),
        )
    filled = _filled(config, values)
    assert isinstance(filled, dict)
    return filled


def _flag(name: str) -> bool:
    return name == "LIBERO_DATA" or name.endswith("_CKPT")


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: values[found[1]], value)
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    return value
