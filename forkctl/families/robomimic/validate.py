"""Runs in the fork's environment: does upstream's own key-locked Config take this config?

argv: the config's path. stdout, last line: JSON with `unknown` (keys that upstream has not) and
`error` (what upstream said when it took the config, or null).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def unknown_keys(config: Any, values: dict[str, Any], prefix: str = "") -> list[str]:
    """All of them at once; upstream itself stops at the first."""
    found = []
    for key, value in values.items():
        if key not in config:
            if config.is_key_locked:
                found.append(prefix + key)
        elif isinstance(value, dict) and hasattr(config[key], "is_key_locked"):
            found += unknown_keys(config[key], value, f"{prefix}{key}.")
    return found


def main() -> None:
    from robomimic.config import config_factory  # type: ignore[import-not-found]

    values = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    config = config_factory(values["algo_name"])
    error = None
    config.lock_keys()
    unknown = unknown_keys(config, values)
    config.unlock()
    try:
        with config.values_unlocked():
            config.update(values)
    except Exception as refused:
        error = f"{type(refused).__name__}: {refused}"
    print("\n" + json.dumps({"unknown": unknown, "error": error}))


if __name__ == "__main__":
    main()
