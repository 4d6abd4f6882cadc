"""Names of classes in a config: upstream evaluates them, and a checkpoint brings a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forkctl.errors import ForkctlError


def check_class_names(config: Any, where: str, path: str = "") -> None:
    """Refuse what is more than a name under a key such as `backbone_class`."""
    entries: Any = ()
    if isinstance(config, Mapping):
        entries = config.items()
    elif isinstance(config, list):
        entries = enumerate(config)
    for key, value in entries:
        if str(key).endswith("_class") and isinstance(value, str) and not value.isidentifier():
            raise ForkctlError(
                f"{path}{key} is not the name of a class, but code that would run: {value!r:.80}",
                where=where,
                hint="do not use the file: it would run that code",
            )
        check_class_names(value, where, f"{path}{key}.")
