"""Runs in the fork's environment: does upstream's own key-locked Config take this config?

argv: the config's path. stdout, last line: JSON with `unknown` (keys that upstream does not
have) and `error` (what upstream said when it took the config, or null), `hint` and `taken`.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any

# keys that patches of the series add
OURS = (
    "image_dim",
    "strict_weight_loading",
    "ckpt_key_map",
    "ckpt_transfer",
    "skill_conditioning",
)


def hint_for(unknown: list[str]) -> str | None:
    for key in unknown:
        if difflib.get_close_matches(key.split(".")[-1], OURS, n=1, cutoff=0.8):
            return "a patch of the series adds this key: forkctl apply"
    return None


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


def wrong_values(config: Any, values: dict[str, Any], prefix: str = "") -> list[str]:
    """Values of another kind than upstream's own, which upstream takes and trips over later."""
    found = []
    for key, value in values.items():
        own = config.get(key, None)
        if hasattr(own, "is_key_locked"):
            if isinstance(value, dict):
                found += wrong_values(own, value, f"{prefix}{key}.")
            elif value is not None and len(own) > 0:  # what is empty has a form of its own
                found.append(f"{prefix}{key} must be a section, not {value!r:.60}")
        elif own is not None and value is not None and not _alike(own, value):
            found.append(f"{prefix}{key} must be {_KINDS[type(own)]}, not {value!r:.60}")
    return found


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
}


def _alike(own: Any, value: Any) -> bool:
    if type(own) not in _KINDS or type(own) is type(value):
        return True
    if isinstance(own, (list, tuple)):
        return isinstance(value, list)
    return isinstance(own, float) and isinstance(value, int) and not isinstance(value, bool)


def main() -> None:
    from robomimic.config import config_factory  # type: ignore[import-not-found]

    values = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    config = config_factory(values["algo_name"])
    error = None
    config.lock_keys()
    unknown = unknown_keys(config, values)
    wrong = wrong_values(config, values)
    config.unlock()
    try:
        with config.values_unlocked():
            config.update(values)
    except Exception as refused:
        error = f"{type(refused).__name__}: {refused}"
    if wrong:
        error = "; ".join(wrong)
    answer = {
        "unknown": unknown,
        "error": error,
        "hint": hint_for(unknown),
        "taken": "taken by upstream's own key-locked Config",
    }
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
