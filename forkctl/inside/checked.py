"""Read a dataclass from JSON or YAML values; say what is wrong, where, and what is expected.

A field's type may be bool, int, float, str, a Mapping, another such dataclass, and Optional, Union
or Tuple of these; `option` adds which values are allowed. Text is never empty.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from forkctl.errors import ForkctlError

T = TypeVar("T")

_UNIONS = (Union, getattr(types, "UnionType", Union))  # the second since Python 3.10
_ONE = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_SOME = {int: "whole numbers", float: "numbers", str: "texts"}


class _Unfit(Exception):
    """A value that is not of the type."""


def option(default: Any, **limits: Any) -> Any:
    """A field with a default and limits: `among` for texts, `least` or `above` for numbers."""
    return dataclasses.field(default=default, metadata=limits)


def read(kind: type[T], values: Any, prefix: str = "") -> T:
    """A key that is left out has its default. `prefix` is what errors put before a key's name."""
    place = prefix.rstrip(".: ") or None
    if not isinstance(values, Mapping):
        raise ForkctlError(f"{values!r} is not valid; expected keys and values", where=place)
    fields = {each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ForkctlError(
                "there is no such key", where=f"{prefix}{key}", hint=_meant(key, fields)
            )
    missing = [name for name, each in fields.items() if _is_required(each) and name not in values]
    if missing:
        raise ForkctlError(f"lacks {', '.join(missing)}", where=place)
    types_of = get_type_hints(kind)
    return kind(
        **{
            key: _checked(types_of[key], value, fields[key].metadata, f"{prefix}{key}")
            for key, value in values.items()
        }
    )


def _meant(key: Any, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _checked(kind: Any, value: Any, limits: Mapping[str, Any], where: str) -> Any:
    try:
        result = _converted(kind, value, where)
        if not _is_within(result, limits):
            raise _Unfit
    except _Unfit:
        expected = _expected(kind, limits)
        raise ForkctlError(f"{value!r} is not valid; expected {expected}", where=where) from None
    return result


def _converted(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return read(kind, value, f"{where}.")
    origin, inner = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        for each in inner:
            try:
                return _converted(each, value, where)
            except _Unfit:
                continue
        raise _Unfit
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise _Unfit
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) != len(value):
            raise _Unfit
        return tuple(_converted(each, item, where) for each, item in zip(kinds, value))
    if kind is float and type(value) is int:
        return float(value)
    # a bool is an int to isinstance
    fits = isinstance(value, origin) if origin else type(value) is kind
    if not fits or value == "":
        raise _Unfit
    return value


def _is_within(value: Any, limits: Mapping[str, Any]) -> bool:
    if isinstance(value, str):
        return "among" not in limits or value in limits["among"]
    if not isinstance(value, (int, float)):
        return True
    least, above = limits.get("least", -math.inf), limits.get("above")
    return bool(value >= least and (above is None or value > above))


def _expected(kind: Any, limits: Mapping[str, Any]) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return " or ".join(_expected(each, limits) for each in inner)
    if origin is tuple:
        count = "" if inner[-1] is Ellipsis else f"{len(inner)} "
        return f"a list of {count}{_SOME[inner[0]]}"
    if kind is str and "among" in limits:
        return f"one of {', '.join(limits['among'])}"
    if kind in (int, float) and "least" in limits:
        return f"{_ONE[kind]} of at least {limits['least']}"
    if kind in (int, float) and "above" in limits:
        return f"{_ONE[kind]} above {limits['above']}"
    return _ONE.get(kind, "null" if kind is type(None) else "keys and values")
