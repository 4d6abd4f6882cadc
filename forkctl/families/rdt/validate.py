"""Runs in the fork's environment: does the pinned upstream's own parser take these flags?

argv: the config's path. stdout, last line: JSON with `unknown` (flags and keys that upstream has
not), `error` (what it said of the others, or null) and `taken` (what is said if all is well).
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import yaml


def parse(words: list[str]) -> tuple[list[str], str | None]:
    """Upstream's main.py imports all of its trainer; its parser needs none of that."""
    trainer, logging = types.ModuleType("train.train"), types.ModuleType("accelerate.logging")
    trainer.train = logging.get_logger = None  # type: ignore[attr-defined]
    package, accelerate = types.ModuleType("train"), types.ModuleType("accelerate")
    sys.modules.update({"train": package, "train.train": trainer})
    sys.modules.update({"accelerate": accelerate, "accelerate.logging": logging})
    import main  # type: ignore[import-not-found]

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            main.parse_args(words)
    except SystemExit:
        last = said.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        unknown = re.findall(r"--\w+", last) if last.startswith("unrecognized") else []
        return unknown, None if unknown else last
    return [], None


def unknown_keys(known: Any, changes: Any, prefix: str) -> list[str]:
    """Changes to base.yaml that upstream would never look at."""
    found = []
    for key, value in changes.items():
        if not isinstance(known, dict) or key not in known:
            found.append(prefix + str(key))
        elif isinstance(value, dict):
            found += unknown_keys(known[key], value, f"{prefix}{key}.")
    return found


def own_section(section: dict[str, Any]) -> str | None:
    from forkctl_rdt.options import options_of  # type: ignore[import-not-found]

    from forkctl.errors import ForkctlError

    # these folders are made when the run starts
    section = {**section, "configs": None, "embeddings": None}
    try:
        options_of({"forkctl": section})
    except ForkctlError as refused:
        return str(refused)
    return None


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    words = []
    for name, value in config["flags"].items():
        if value is not None and value is not False:
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    unknown, error = parse(words)
    import configs.state_vec as in_tree

    base = Path(in_tree.__file__).with_name("base.yaml").read_text(encoding="utf-8")
    unknown += unknown_keys(yaml.safe_load(base), config.get("upstream") or {}, "upstream.")
    error = error or own_section(config["forkctl"])
    taken = "taken by upstream's own parser"
    print("\n" + json.dumps({"unknown": unknown, "error": error, "taken": taken}))


if __name__ == "__main__":
    main()
