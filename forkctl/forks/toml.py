"""Read TOML strictly: whatever is refused is named with its line and the accepted form."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from forkctl.errors import UsageError
from forkctl.forks.paths import fault_of_path

_ONCE = "each table, and each key of a table, may be written once"


def parse_toml(text: str, file: str, hint: str = _ONCE) -> dict[str, Any]:
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise UsageError(
            f"is not valid TOML: {error}", where=f"{file}:{line[1]}" if line else file, hint=hint
        ) from error
    except RecursionError:
        raise UsageError("is nested too deep", where=file, hint=hint) from None
    return values


_REQUIRED: Any = object()
_TYPE_NAMES = {str: "a string", bool: "true or false", int: "a whole number", list: "a list"}


class TomlTable:
    """One table: each of its keys must be taken, and what is refused is named with its line."""

    def __init__(
        self, values: Mapping[str, Any], path: tuple[str, ...], text: str, file: Path
    ) -> None:
        self._values, self._path, self._text, self._file = values, path, text, file
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        self._known.append(key)
        return key in self._values

    def names(self) -> list[str]:
        return list(self._values)

    def take(self, key: str, kind: type, form: str, absent: Any = _REQUIRED) -> Any:
        self._known.append(key)
        if key not in self._values:
            if absent is _REQUIRED:
                self.refuse(None, f"`{key}` is missing", form)
            return absent
        value = self._values[key]
        if type(value) is not kind:
            self.refuse(key, f"`{key}` must be {_TYPE_NAMES[kind]}", form)
        return value

    def strings(self, key: str, form: str, absent: Any) -> tuple[str, ...] | None:
        values = self.take(key, list, form, absent=absent)
        if values is absent:
            return absent  # type: ignore[no-any-return]
        if not all(type(value) is str for value in values):
            self.refuse(key, f"`{key}` must be a list of strings", form)
        return tuple(values)

    def path(self, key: str, form: str, absent: Any = _REQUIRED) -> Any:
        value = self.take(key, str, form, absent=absent)
        if value is absent:
            return absent
        if fault := fault_of_path(value):
            self.refuse(key, f"{value!r} {fault}", form)
        return value

    def table(self, key: str) -> TomlTable:
        self._known.append(key)
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, f"`{key}` must be a table", f"[{'.'.join((*self._path, key))}]")
        return TomlTable(value, (*self._path, key), self._text, self._file)

    def done(self) -> None:
        """Refuse the keys that have not been taken."""
        for key in self._values:
            if key not in self._known:
                from difflib import get_close_matches

                near = get_close_matches(key, self._known, 1)
                keys = sorted(set(self._known))
                known = f"the keys are {', '.join(keys)}" if keys else "no key is known here"
                raise UsageError(
                    f"unknown key `{key}` in [{'.'.join(self._path)}]"
                    if self._path
                    else f"unknown key `{key}`",
                    where=self._place(key),
                    hint=f"did you mean `{near[0]}`? {known}" if near else known,
                )

    def refuse(self, key: str | None, message: str, form: str) -> NoReturn:
        raise UsageError(message, where=self._place(key), hint=f"the accepted form: {form}")

    def _place(self, key: str | None) -> str:
        path = self._path if key is None else (*self._path, key)
        return f"{self._file.name}:{line_of(self._text, path)}"


NO_TABLE = TomlTable({}, (), "", Path("forks.toml"))

# What `line_of` looks for. Strings, not compiled: only an error needs them.
_NAME = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_TABLE = r"\s*\[\[?\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(#.*)?$"
_KEY = rf"\s*(?P<name>{_NAME}(?:\s*\.\s*{_NAME})*)\s*="


def line_of(text: str, path: Sequence[str]) -> int:
    """The 1-based line where the key, or the innermost table above it, is written.

    The standard parser reports no positions. This scanner knows tables and keys, which is enough
    for the files that forkctl reads.
    """
    wanted = tuple(path)
    table: tuple[str, ...] = ()
    best, best_depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(_TABLE, line)
        key = None if header else re.match(_KEY, line)
        if header:
            table = here = _parts(header["name"])
        elif key:
            here = table + _parts(key["name"])
        else:
            continue
        if here == wanted[: len(here)] and len(here) > best_depth:
            best, best_depth = number, len(here)
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))
