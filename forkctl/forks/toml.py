"""Read TOML, and say the line where it is none."""

from __future__ import annotations

import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from forkctl.errors import UsageError


def parse_toml(text: str, file: str, hint: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise UsageError(
            f"is not valid TOML: {error}", where=f"{file}:{line[1]}" if line else file, hint=hint
        ) from error
    return values
